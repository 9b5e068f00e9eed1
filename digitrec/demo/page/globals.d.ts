// What the page's scripts know of each other and of Gradio. Only `tsc` reads this file (.ci/run).

// All scripts tell each other by `tell` what has happened, and hear of it as the `detail` of the
// document's event "digitrec". The server's answers are told in `layout.py`.
type PageEvent =
  | "here" // the components are laid out; they replace the first screen
  | "able" // the browser can read drawings from now on
  | "reading" // the drawing or the picture is another one; its answer is on the way
  | "blank" // the paper is blank again
  | "answered" // the answer to all that is shown has come
  | "refused" // a picture could not be uploaded
  | "ask" // the server is to read what is shown
  | "open" // another digit of the answer is open: `pad.openDigit`
  | "why" // the answer is to be explained
  | "why-not" // its explanation is to go
  | "correct"; // a correction is about to be sent

// Attributes of <html>, `data-theme` and so on; `page.css` shows and hides by them.
interface Flags {
  theme: "light" | "dark";
  reader: "server" | "browser"; // who reads drawings
  answer: "blank" | "digit" | "none"; // what the answer shows; "none": no digit and no number
  lost?: ""; // while the server is out of reach
  game?: ""; // ten_digits.js has run
  mode?: "ten"; // while a game of ten digits is on
}

// An answer of the browser, told as the document's event "digitrec-read".
interface BrowserAnswer {
  html: string;
  text: string; // "" where there is no number
  probability: number; // that the whole text is right
}

declare var tell: (event: PageEvent) => void;
declare var flags: Flags;
declare var shareLink: (url: string, text: string, title: string) => Promise<boolean>;

declare var drawingCode: {
  encode(strokes: Stroke[]): string; // "" where that is too long
  decode(code: string): Stroke[]; // throws where it is no such code
};

interface DocumentEventMap {
  digitrec: CustomEvent<PageEvent>;
  "digitrec-read": CustomEvent<BrowserAnswer & { isLast: boolean }>; // not last: the pen still moves
}

// Gradio makes a component's script the body of a function of these.
declare const element: HTMLElement;
declare const props: { value: any };
declare const trigger: (event: "input" | "upload" | "why") => void;
declare const upload: (file: File) => Promise<{ path: string }>;
declare const watch: (name: "value", changed: () => void) => void;

type Context = CanvasRenderingContext2D;
type Point = [across: number, down: number]; // shares of the paper's side

interface Stroke {
  eraser: boolean;
  thin?: true; // drawn with the thin pen
  points: Point[];
  clear?: undefined;
}

interface Clear {
  clear: true;
  eraser?: undefined;
  thin?: undefined;
  points?: undefined;
}

interface Kept {
  actions: (Stroke | Clear)[];
  undone: (Stroke | Clear)[];
  paper: HTMLImageElement | null;
}

// <digit-pad>, as other scripts may use it. Its events: "begin", "move", "change" and "tap": a dot was
// drawn at `detail.point`; with preventDefault() the pad does not keep it.
interface DigitPad extends HTMLElement {
  actions: (Stroke | Clear)[];
  stroke: Stroke | null;
  openDigit: number; // which digit of the answer is open, from 0
  lastTouched: number; // when the pen last moved on the paper, as performance.now()
  readonly isEmpty: boolean;
  readonly isBlank: boolean;
  readonly isShowing: boolean;
  visible(): Stroke[];
  shownPaper(): HTMLImageElement | null;
  show(address: string): void;
  setPaper(picture: HTMLImageElement): void;
  setActions(actions: (Stroke | Clear)[]): void; // Undo brings back what was there, also after `reset`
  reset(): void;
  keep(): Kept;
  restoreKept(kept?: Kept): void; // without one, a blank sheet; it cannot be undone
  drawOn(context: Context, side: number): void;
  paint(context: Context, side: number, stroke: Stroke): void;
  toDataURL(): string;
  toCanvas(): HTMLCanvasElement;
  toPixels(): ImageData;
  toCode(): string;
  fromCode(code: string): void;
}

interface HTMLElementTagNameMap {
  "digit-pad": DigitPad;
}

interface HTMLElementEventMap {
  tap: CustomEvent<{ point: Point }>; // of <digit-pad>
}

// The page's markup is ours: what is asked for is there, and where it may not be, a script says `?.`.
interface ParentNode {
  querySelector<Tag extends keyof HTMLElementTagNameMap>(tag: Tag): HTMLElementTagNameMap[Tag];
  querySelector<Found extends HTMLElement = HTMLElement>(selector: string): Found;
  querySelectorAll<Tag extends keyof HTMLElementTagNameMap>(tag: Tag): NodeListOf<HTMLElementTagNameMap[Tag]>;
  querySelectorAll<Found extends HTMLElement = HTMLElement>(selector: string): NodeListOf<Found>;
}

// Clicks and keys reach elements only.
interface UIEvent {
  readonly target: HTMLElement;
}
