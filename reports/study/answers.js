"use strict";
// The answers of one reader: kept in the browser as they are given, each with a hash of itself and the one before.
class Answers {
  constructor(data) {
    this.data = data;
    this.place = `bench-study:${data.study}:${data.reader}`;
    this.items = sha256(data.trials.map((t) => `${t.name}|${t.task}|${t.options.join(",")}`).join("\n"));
    this.first = sha256([data.token, data.study, data.reader, this.items].join("|"));
    this.kept = this.canKeep();
    this.list = this.kept ? this.valid(this.stored()) : [];
  }

  // some browsers have no storage for files, or none in private windows
  canKeep() {
    try {
      const probe = `${this.place}:probe`;
      localStorage.setItem(probe, "1");
      const works = localStorage.getItem(probe) === "1";
      localStorage.removeItem(probe);
      return works;
    } catch {
      return false;
    }
  }

  stored() {
    try {
      const found = JSON.parse(localStorage.getItem(this.place) || "[]");
      return Array.isArray(found) ? found : [];
    } catch {
      return [];
    }
  }

  // the answers up to the first one that was changed
  valid(list) {
    const sound = [];
    for (const answer of list) {
      const trial = this.data.trials[sound.length];
      if (!trial || answer.trial !== trial.name || answer.link !== this.link(answer, sound)) break;
      sound.push(answer);
    }
    return sound;
  }

  link(answer, before) {
    const last = before.length ? before[before.length - 1].link : this.first;
    return sha256([this.data.token, last, before.length + 1, answer.trial, answer.choice, answer.ms, answer.at].join("|"));
  }

  get complete() {
    return this.list.length === this.data.trials.length;
  }

  // false if another window has kept answers in the meantime; nothing is then written
  add(trial, choice, ms) {
    if (this.kept && this.stored().length !== this.list.length) return false;
    const answer = { trial: trial.name, choice, ms: Math.round(ms), at: Date.now() };
    answer.link = this.link(answer, this.list);
    this.list.push(answer);
    if (this.kept) {
      try {
        localStorage.setItem(this.place, JSON.stringify(this.list));
      } catch {
        this.kept = false;
      }
    }
    return true;
  }

  file() {
    const { study, reader, token } = this.data;
    const last = this.list.length ? this.list[this.list.length - 1].link : this.first;
    const seal = sha256([token, last, this.list.length, this.complete ? "complete" : "partial"].join("|"));
    return {
      format: "augbench reader study answers",
      version: 1,
      study,
      reader,
      items: this.items,
      complete: this.complete,
      answers: this.list,
      seal,
    };
  }

  save() {
    const text = JSON.stringify(this.file(), null, 1);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = `answers-${this.data.study}-${this.data.reader}${this.complete ? "" : "-partial"}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    return link.download;
  }
}
