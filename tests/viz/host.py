"""A page that promises an anywidget module what its contract says and nothing else: any host's least common part."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from tests.viz import lab

BUNDLES = Path(lab.ROOT) / "kernelkit" / "viz" / "static"

# No address may be fetched from, not even this page's own; the module comes as a blob, as in JupyterLab and VS Code.
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>host</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline' blob:;
style-src 'unsafe-inline'; img-src data:"></head><body><main><h1>A notebook</h1></main><script>
class Model {
  constructor(state) { this.state = state; this.listeners = []; this.sent = []; this.closed = false; }
  get(name) { return this.state[name]; }
  set(name, value) { this.state[name] = value; }
  save_changes() {}
  on(event, callback) { this.listeners.push([event, callback]); }
  off(event, callback) { this.listeners = this.listeners.filter(([e, c]) => e !== event || c !== callback); }
  send(content) { this.sent.push(content); }
  emit(event, ...values) { for (const [e, callback] of this.listeners) if (e === event) callback(...values); }
}
const decode = (data) => new DataView(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)).buffer);
const pages = [];

/** Open the module as a page of its own; returns its number. */
async function openPage(code, key, width) {
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const widget = (await import(address)).default;
  const model = new Model({ key, final: {}, final_buffer: new DataView(new ArrayBuffer(0)) });
  const cleanups = [await widget.initialize?.({ model })];
  pages.push({ widget, model, width, held: null, cleanups });
  return pages.length - 1;
}

/** Show a view; in a shadow root where the host, as marimo, keeps each widget's styles apart. */
async function showView(page, shadow) {
  const { widget, model, width, cleanups } = pages[page];
  const place = document.createElement("div");
  place.style.width = `${width}px`;
  document.querySelector("main").append(place);
  const el = document.createElement("div");
  (shadow ? place.attachShadow({ mode: "open" }) : place).append(el);
  cleanups.push(await widget.render({ model, el }));
}

/** Hand a message to a page: in time, not at all, or after the next one. */
function deliver(page, content, data, fate) {
  const { model } = pages[page];
  const pass = (c, d) => model.emit("msg:custom", JSON.parse(JSON.stringify(c)), [decode(d)]);
  const held = pages[page].held;
  if (fate === "late") { pages[page].held = [content, data]; return; }
  if (fate !== "lost") pass(content, data);
  if (held) { pages[page].held = null; pass(...held); }
}

const taken = (page) => pages[page].model.sent.splice(0);
const close = (page) => pages[page].cleanups.reverse().forEach((cleanup) => cleanup?.());
</script></body></html>"""


class Host:
    """The page, open in Chromium.

    Attributes:
        errors: What the page complained of: errors, refused requests.
    """

    def __init__(self, chromium, **options):
        self.page = chromium.new_page(**options)
        self.page.set_default_timeout(60_000)
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.set_content(PAGE)

    def open(self, bundle: str = "curves", key: str = "key", width: int = 900) -> int:
        """Load a bundle as a page of its own; return its number."""
        code = (BUNDLES / f"{bundle}.js").read_text(encoding="utf-8")
        return self.page.evaluate("([code, key, width]) => openPage(code, key, width)", [code, key, width])

    def show(self, page: int, shadow: bool = False) -> None:
        """Show a view of a page's widget."""
        self.page.evaluate("([page, shadow]) => showView(page, shadow)", [page, shadow])

    def settle(self) -> None:
        """Wait until what was done is drawn: a frame shows it, charts measure themselves, a frame shows that."""
        self.page.evaluate(
            """async () => { for (let i = 0; i < 4; i++) await new Promise(done => requestAnimationFrame(done)) }"""
        )

    def deliver(self, page: int, *messages: tuple[dict, bytes], fates: Sequence[str] = ()) -> None:
        """Hand messages to a page, each "in time", which is the default, "lost", or "late": after the next one."""
        sent = [
            [page, content, base64.b64encode(buffer).decode(), fate]
            for (content, buffer), fate in zip(messages, fates or ["in time"] * len(messages), strict=True)
        ]
        self.page.evaluate("(messages) => messages.forEach(message => deliver(...message))", sent)

    def taken(self, page: int) -> list[dict]:
        """What a page has sent since the last time."""
        return self.page.evaluate("taken", page)

    def close_page(self, page: int) -> None:
        """Take all of a page's views away, and its model."""
        self.page.evaluate("close", page)
