"use strict";
// A jsPsych plugin: images, one of which is chosen or judged, by mouse, touch or keyboard, with a zoom for all at once.
class ChooseImage {
  static info = {
    name: "choose-image",
    version: "1.0.0",
    parameters: {
      question: { type: jsPsychModule.ParameterType.OBJECT },
      images: { type: jsPsychModule.ParameterType.OBJECT },
      fewest_ms: { type: jsPsychModule.ParameterType.INT },
    },
    data: { choice: { type: jsPsychModule.ParameterType.STRING }, ms: { type: jsPsychModule.ParameterType.INT } },
  };

  constructor(jsPsych) {
    this.jsPsych = jsPsych;
  }

  trial(element, { question, images, fewest_ms }) {
    this.zoom = 1;
    this.origin = [50, 50];
    this.fewest = fewest_ms;
    element.innerHTML = question.task === "turing" ? this.turing(question, images) : this.preference(question, images);
    this.form = element.querySelector("form");
    this.inputs = [...this.form.elements.answer];
    this.confirm = this.form.querySelector("[type=submit]");
    this.listen();
    this.form.querySelector("h2").focus({ preventScroll: true });
    window.scrollTo(0, 0);
    const pictures = [...this.form.querySelectorAll("img")];
    Promise.all(pictures.map((picture) => picture.decode().catch(() => {}))).then(() => {
      this.begun = performance.now();
      this.form.dataset.ready = "yes";
    });
  }

  frame(data, alt) {
    return `<span class="frame"><img src="data:image/png;base64,${data}" alt="${alt}" draggable="false"></span>`;
  }

  option(number, value, label, inside = "") {
    return `<label class="option"><span class="name"><input type="radio" name="answer" value="${value}">
      <kbd>${number}</kbd> ${label}</span>${inside}</label>`;
  }

  around(task, title, body) {
    return `<form class="${task}"><h2 tabindex="-1">${title}</h2>
      <fieldset><legend class="hidden">${title}</legend>${body}</fieldset>
      <div class="actions"><div class="zoom" role="group" aria-label="Zoom of all images">
        <button type="button" data-zoom="-1" aria-label="Reduce">−</button><output aria-live="off">100 %</output>
        <button type="button" data-zoom="1" aria-label="Enlarge">+</button></div>
      <button type="submit" class="primary" disabled>Confirm</button></div></form>`;
  }

  preference(question, images) {
    const options = question.options.map((name, i) =>
      this.option(i + 1, name, `Image ${i + 1}`, this.frame(images[name], `Image ${i + 1}`))
    );
    const body = `<div class="options n${options.length}">${options.join("")}</div>`;
    return this.around("preference", "Which image looks most real?", body);
  }

  turing(question, images) {
    const shown = this.frame(images[question.options[0]], "The image in question");
    const options = this.option(1, "real", "Real") + this.option(2, "synthetic", "Synthetic");
    return this.around("turing", "Is this image real or synthetic?", `${shown}<div class="options">${options}</div>`);
  }

  listen() {
    this.keys = (event) => this.key(event);
    document.addEventListener("keydown", this.keys);
    this.form.addEventListener("change", () => (this.confirm.disabled = !this.form.elements.answer.value));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.finish();
    });
    for (const button of this.form.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => this.magnify(Number(button.dataset.zoom)));
    }
    for (const frame of this.form.querySelectorAll(".frame")) {
      frame.addEventListener("pointermove", (event) => {
        const box = frame.getBoundingClientRect();
        this.look((100 * (event.clientX - box.left)) / box.width, (100 * (event.clientY - box.top)) / box.height);
      });
    }
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const arrows = { ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowRight: [1, 0], ArrowDown: [0, 1] };
    const arrow = arrows[event.key];
    if (arrow && event.shiftKey) this.look(this.origin[0] + 10 * arrow[0], this.origin[1] + 10 * arrow[1]);
    else if (arrow) this.move(arrow[0] + arrow[1]);
    else if (event.key === "+" || event.key === "=") this.magnify(1);
    else if (event.key === "-") this.magnify(-1);
    else if (event.key === "0") this.magnify(0);
    else if (/^[1-9]$/.test(event.key)) this.choose(Number(event.key) - 1);
    else if (event.key === "Enter" && !event.repeat && event.target.tagName !== "BUTTON") this.finish();
    else return;
    event.preventDefault();
  }

  choose(place) {
    const input = this.inputs[place];
    if (!input) return;
    input.focus({ preventScroll: true });
    input.click();
  }

  move(by) {
    const n = this.inputs.length;
    const now = this.inputs.findIndex((input) => input.checked);
    this.choose(now < 0 ? (by > 0 ? 0 : n - 1) : (now + by + n) % n);
  }

  magnify(by) {
    this.zoom = by ? Math.min(Math.max(this.zoom * (by > 0 ? 1.5 : 1 / 1.5), 1), 1.5 ** 5) : 1;
    if (this.zoom < 1.01) this.zoom = 1;
    this.form.querySelector("output").textContent = `${Math.round(100 * this.zoom)} %`;
    this.draw();
  }

  look(x, y) {
    this.origin = [x, y].map((value) => Math.min(Math.max(value, 0), 100));
    this.draw();
  }

  draw() {
    for (const picture of this.form.querySelectorAll("img")) {
      picture.style.transformOrigin = `${this.origin[0]}% ${this.origin[1]}%`;
      picture.style.transform = `scale(${this.zoom})`;
    }
  }

  finish() {
    const choice = this.form.elements.answer.value;
    const ms = performance.now() - this.begun;
    // not before the images could be seen: the second press of a key is not an answer
    if (!choice || !(ms >= this.fewest)) return;
    document.removeEventListener("keydown", this.keys);
    this.jsPsych.finishTrial({ choice, ms });
  }
}
