// Opens files of models: JupyterLab asks for none of their bytes, the viewer reads what it needs by byte ranges.

import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette, MainAreaWidget, WidgetTracker } from "@jupyterlab/apputils";
import { ABCWidgetFactory, DocumentWidget, TextModelFactory, type DocumentRegistry, type IDocumentWidget } from "@jupyterlab/docregistry";
import { IDefaultFileBrowser } from "@jupyterlab/filebrowser";
import { ServerConnection, type Contents } from "@jupyterlab/services";
import { Widget } from "@lumino/widgets";
import type { Place } from "./open";
import type { FileView } from "./view";

const FACTORY = "Model (kernelkit)";
const MODEL = "kernelkit-unread";
const COMPARE = "kernelkit:compare-files";
const ENDINGS = /\.(keras|h5|hdf5|kkrec)$/i;
const TYPES: [name: string, ending: string, title: string, opensByDefault: boolean][] = [
  ["kernelkit-keras", ".keras", "Keras Model", true],
  ["kernelkit-weights", ".weights.h5", "Keras Weights", true],
  ["kernelkit-recording", ".kkrec", "Training Recording", true],
  ["kernelkit-shards", ".weights.json", "Keras Weights (several files)", false],
  ["kernelkit-hdf5", ".h5", "Keras Model (HDF5)", false],
  ["kernelkit-hdf5-long", ".hdf5", "Keras Model (HDF5)", false],
];

/** A document of which JupyterLab reads nothing: a context fetches no content where the format is null. */
class UnreadFactory extends TextModelFactory {
  get name(): string { return MODEL; }
  get fileFormat(): Contents.FileFormat { return null as unknown as Contents.FileFormat; }
}

/** Where a file's bytes are. The server's token goes to that server only. */
async function placeOf(manager: JupyterFrontEnd["serviceManager"], path: string): Promise<{ name: string; place: Omit<Place, "signal"> }> {
  const { contents, serverSettings } = manager;
  const folder = path.includes("/") ? path.slice(0, path.lastIndexOf("/") + 1) : path.slice(0, path.indexOf(":") + 1);
  const fetchPart = (url: string, init: RequestInit): Promise<Response> =>
    url.startsWith(serverSettings.baseUrl) ? ServerConnection.makeRequest(url, init, serverSettings) : fetch(url, init);
  const url = await contents.getDownloadUrl(path);
  return { name: path.slice(folder.length), place: { url, fetch: fetchPart, sibling: (name) => contents.getDownloadUrl(folder + name) } };
}

/** The place of a view, which comes when its code is there. */
class FileWidget extends Widget {
  private view: FileView | null = null;
  private read: string | undefined;

  constructor(private context: DocumentRegistry.Context, private manager: JupyterFrontEnd["serviceManager"]) {
    super();
    this.node.style.height = "100%";
    void context.ready.then(() => this.open());
    context.fileChanged.connect(this.reopen, this);
  }

  dispose(): void {
    this.context.fileChanged.disconnect(this.reopen, this);
    this.view?.dispose();
    super.dispose();
  }

  private reopen(_: unknown, model: Omit<Contents.IModel, "content">): void {
    if (this.view && model.last_modified !== this.read) void this.open();
  }

  private async open(): Promise<void> {
    const { FileView } = await import("./view");
    if (this.isDisposed) return;
    this.read = this.context.contentsModel?.last_modified;
    const { name, place } = await placeOf(this.manager, this.context.path);
    this.view?.dispose();
    this.view = new FileView(name, place);
    this.node.append(this.view.node);
  }
}

class Factory extends ABCWidgetFactory<IDocumentWidget<FileWidget>> {
  constructor(options: DocumentRegistry.IWidgetFactoryOptions, private manager: JupyterFrontEnd["serviceManager"]) {
    super(options);
  }

  protected createNewWidget(context: DocumentRegistry.Context): IDocumentWidget<FileWidget> {
    const content = new FileWidget(context, this.manager);
    return new DocumentWidget({ content, context });
  }
}

export const files: JupyterFrontEndPlugin<void> = {
  id: "kernelkit-labextension:files",
  description: "Opens files of Keras models: graph, layers, training, weights.",
  autoStart: true,
  optional: [ILayoutRestorer, IDefaultFileBrowser, ICommandPalette],
  activate: (app: JupyterFrontEnd, restorer: ILayoutRestorer | null, browser: IDefaultFileBrowser | null, palette: ICommandPalette | null) => {
    const { docRegistry } = app;
    for (const [name, ending, displayName] of TYPES) {
      docRegistry.addFileType({ name, displayName, extensions: [ending], mimeTypes: ["application/octet-stream"], contentType: "file", fileFormat: "base64" });
    }
    docRegistry.addModelFactory(new UnreadFactory());
    const names = TYPES.map(([name]) => name);
    const factory = new Factory({
      name: FACTORY, modelName: MODEL, fileTypes: names, defaultFor: TYPES.filter((t) => t[3]).map(([name]) => name), readOnly: true,
    }, app.serviceManager);
    docRegistry.addWidgetFactory(factory);
    const tracker = new WidgetTracker<IDocumentWidget<FileWidget>>({ namespace: "kernelkit-files" });
    factory.widgetCreated.connect((_, widget) => {
      void tracker.add(widget);
      widget.context.pathChanged.connect(() => void tracker.save(widget));
    });
    void restorer?.restore(tracker, {
      command: "docmanager:open", args: (widget) => ({ path: widget.context.path, factory: FACTORY }), name: (widget) => widget.context.path,
    });
    if (browser) addCompare(app, browser, palette);
  },
};

/** Let two files that are selected in the file browser be compared. */
function addCompare(app: JupyterFrontEnd, browser: IDefaultFileBrowser, palette: ICommandPalette | null): void {
  const selected = (): string[] => [...browser.selectedItems()].filter((item) => ENDINGS.test(item.name)).map((item) => item.path);
  app.commands.addCommand(COMPARE, {
    label: "Compare Two Selected Models",
    isEnabled: () => selected().length === 2,
    isVisible: () => selected().length === 2,
    execute: async () => {
      const [a, b] = await Promise.all(selected().slice(0, 2).map((path) => placeOf(app.serviceManager, path)));
      if (!b) return;
      const { CompareView } = await import("./compare");
      const view = new CompareView([a.name, b.name], [a.place, b.place]);
      const content = new Widget();
      content.node.style.height = "100%";
      content.node.append(view.node);
      const tab = new MainAreaWidget({ content });
      tab.title.label = `${a.name} ↔ ${b.name}`;
      tab.disposed.connect(() => view.dispose());
      app.shell.add(tab, "main");
      app.shell.activateById(tab.id);
    },
  });
  app.contextMenu.addItem({ command: COMPARE, selector: '.jp-DirListing-item[data-isdir="false"]', rank: 60 });
  palette?.addItem({ command: COMPARE, category: "kernelkit" });
}
