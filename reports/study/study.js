"use strict";
// The page: what is asked, going on where the reader stopped, and the file at the end.
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const answers = new Answers(data);
  const n = data.trials.length;
  let saved = 0;

  const EXPLAINED = {
    preference: "You see several images that should show the same, and choose the one that looks most real to you.",
    turing: "You see one image, and say whether you think that it is real or synthetic.",
  };

  function show(id) {
    for (const name of ["start", "study", "end"]) $(name).hidden = name !== id;
    $("partial").hidden = id === "end" || !answers.list.length;
  }

  function warn(text) {
    $("warning").textContent = text;
    $("warning").hidden = false;
  }

  function progress() {
    $("bar").max = n;
    $("bar").value = answers.list.length;
    $("count").textContent = `${answers.list.length} of ${n} answered`;
    $("partial").hidden = !answers.list.length || answers.complete;
  }

  function explain() {
    const order = [...new Set(data.trials.map((trial) => trial.task))];
    const parts = order.map((task) => [task, data.trials.filter((trial) => trial.task === task).length]);
    for (const [task, count] of parts) {
      const line = document.createElement("p");
      line.textContent = `${count} questions: ${EXPLAINED[task]}`;
      $("explained").append(line);
    }
    if (answers.list.length) $("begin").textContent = `Continue with question ${answers.list.length + 1} of ${n}`;
  }

  function stop() {
    show("");
    $("partial").hidden = true;
    warn("This study was continued in another window. Close this one, and continue there.");
  }

  const NOT_KEPT =
    "This browser does not keep answers for this page. Do not close it before the end, or save the answers so far " +
    "with the button below. Another browser may keep them.";

  function end() {
    show("end");
    $("end").querySelector("h2").focus();
  }

  function begin() {
    show("study");
    const engine = initJsPsych({ display_element: "study", on_finish: () => answers.complete && end() });
    const rest = data.trials.slice(answers.list.length);
    engine.run(
      rest.map((question) => ({
        type: ChooseImage,
        question,
        images: data.images,
        fewest_ms: data.fewest_ms,
        on_finish: ({ choice, ms }) => {
          if (!answers.add(question, choice, ms)) {
            engine.abortExperiment();
            stop();
            return;
          }
          if (!answers.kept) warn(NOT_KEPT);
          progress();
        },
      }))
    );
  }

  function save() {
    const name = answers.save();
    saved = answers.list.length;
    $("saved").textContent = `Saved as ${name}`;
  }

  $("begin").addEventListener("click", begin);
  $("download").addEventListener("click", save);
  $("partial").addEventListener("click", save);
  window.addEventListener("storage", (event) => event.key === answers.place && stop());
  window.addEventListener("beforeunload", (event) => {
    if (!answers.kept && answers.list.length > saved) event.preventDefault();
  });
  $("keys").open = matchMedia("(pointer: fine)").matches;
  explain();
  progress();
  if (!answers.kept) {
    $("kept").hidden = true;
    warn(NOT_KEPT);
  }
  if (answers.complete) end();
  else show("start");
})();
