// What all bundles share with Python and with the page.

export type JsonNumber = number | string; // "nan", "inf" and "-inf" are strings

// What anywidget hands over, as far as it is used: the "anywidget front-end module" contract.
export interface Model {
  get(name: string): any;
  send(content: unknown): void;
  on(event: string, callback: (...args: any[]) => void): void;
  off(event: string, callback: (...args: any[]) => void): void;
}
