// The buttons that steer a training. They are shown only where a click reaches it.

import { element, setText } from "../shared/dom";
import type { Session } from "./session";
import type { Action, Facts } from "./types";

export class Controls {
  readonly node: HTMLElement;
  private readonly pause: HTMLButtonElement;
  private readonly step: HTMLButtonElement;
  private readonly stop: HTMLButtonElement;
  private readonly stopLater: HTMLButtonElement;
  private readonly save: HTMLButtonElement;
  private readonly rate: HTMLElement;
  private readonly rateField: HTMLInputElement;
  private readonly notice = element("span", { class: "kk-notice", role: "status" });
  private wrong = ""; // why the rate in the field cannot be set
  private editing = false; // the field keeps what was typed, also while its button is being pressed

  constructor(private session: Session) {
    const button = (label: string, icon: string, title: string, act: () => void): HTMLButtonElement =>
      element("button", { type: "button", title, click: act },
        element("i", { class: `kk-icon kk-icon-${icon}`, "aria-hidden": "true" }), element("span", {}, label));
    this.pause = button("Pause", "pause", "Pause after the running steps", () => session.ask(this.paused ? "resume" : "pause"));
    this.pause.classList.add("kk-pause");
    this.step = button("Step", "step", "Train on one batch, then pause again", () => session.ask("step"));
    this.step.classList.add("kk-step");
    this.stop = button("Stop", "stop", "Stop training after the running steps", () => session.ask("stop", "batch"));
    this.stop.classList.add("kk-stop");
    this.stopLater = button("Stop after epoch", "stop-later", "Stop training at the end of this epoch", () => session.ask("stop", "epoch"));
    this.stopLater.classList.add("kk-stop-later");
    this.save = button("Save", "save", "Save the model now, between two batches", () => session.ask("save"));
    this.save.classList.add("kk-save");
    this.rateField = element("input", {
      type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false", size: 8, "aria-label": "Learning rate", "data-lm-suppress-shortcuts": "true",
      keydown: (event: KeyboardEvent) => { if (event.key === "Enter") { event.preventDefault(); event.stopPropagation(); this.setRate(); } },
      input: () => {
        this.editing = true;
        this.rateField.setAttribute("aria-invalid", String(this.wanted() === null));
        if (this.wanted() !== null) this.tell("");
      },
    });
    this.rate = element("span", {
      class: "kk-rate", focusout: () => window.setTimeout(() => { if (!this.rate.contains(document.activeElement)) this.editing = false; }, 300),
    }, element("label", {}, element("span", { class: "kk-long" }, "Learning rate"), this.rateField),
      element("button", { type: "button", title: "Continue with this learning rate", click: () => this.setRate() }, "Set"));
    this.node = element("div", { class: "kk-controls", role: "group", "aria-label": "Training controls" },
      this.pause, this.step, this.stop, this.stopLater, this.rate, this.save, this.notice);
  }

  /** Show what can be done now. */
  update(facts: Facts): void {
    const { running, reach } = this.session;
    const can = (action: Action): boolean => facts.can?.includes(action) ?? false;
    this.node.hidden = !running || (reach !== "live" && reach !== "unknown");
    this.node.style.visibility = reach === "live" ? "" : "hidden"; // its room is kept until it is known whether clicks arrive
    const stopping = facts.state === "stopping";
    setText(this.pause.lastElementChild!, this.paused ? "Resume" : "Pause");
    this.pause.firstElementChild!.className = `kk-icon kk-icon-${this.paused ? "resume" : "pause"}`;
    this.pause.title = this.paused ? "Continue" : "Pause after the running steps";
    this.pause.disabled = stopping;
    this.step.hidden = !this.paused;
    this.stop.disabled = stopping && facts.stops_after !== "epoch";
    this.stopLater.hidden = this.paused;
    this.stopLater.disabled = stopping;
    this.rate.hidden = !can("learning_rate");
    this.save.hidden = !can("save");
    this.step.title = facts.validating ? "Run one batch of the validation, then pause again" : "Train on one batch, then pause again";
    if (!this.editing && document.activeElement !== this.rateField) {
      this.wrong = "";
      this.rateField.value = rateText(facts.latest?.learning_rate ?? facts.learning_rate);
      this.rateField.removeAttribute("aria-invalid");
    }
    this.showNotice(facts.notice ?? "");
  }

  private tell(wrong: string): void {
    this.wrong = wrong;
    this.showNotice(this.session.runs[0]?.facts?.notice ?? "");
  }

  private showNotice(notice: string): void {
    setText(this.notice, this.wrong || notice);
    this.notice.classList.toggle("kk-wrong", this.wrong !== "");
  }

  private get paused(): boolean {
    const state = this.session.runs[0]?.facts?.state;
    return state === "paused" || state === "pausing";
  }

  private wanted(): number | null {
    const value = Number(this.rateField.value.trim().replace(",", "."));
    return Number.isFinite(value) && value > 0 ? value : null;
  }

  private setRate(): void {
    const value = this.wanted();
    if (value === null) {
      this.tell("The learning rate is a number above 0, such as 0.001. Nothing was changed.");
      return this.rateField.focus();
    }
    this.editing = false;
    this.rateField.blur();
    this.session.ask("learning_rate", value);
  }
}

function rateText(value: number | string | undefined): string {
  return typeof value === "number" ? String(+value.toPrecision(4)) : "";
}
