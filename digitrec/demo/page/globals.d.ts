// What the page's scripts know of each other and of Gradio. Only `tsc` reads this file (.ci/run).

// All scripts tell each other by `tell` what has happened, and hear of it as the `detail` of the
// document's event "digitrec". The server's answers are told in `layout.py`.
type PageEvent =
  | "here" // the components are laid out; they replace the first screen
  | "able" // the browser can read drawings from now on
  | "unable" // the browser cannot read drawings: the server does
  | "reading" // the drawing or the picture is another one; its answer is on the way
  | "blank" // the paper is blank again
  | "answered" // the answer to all that is shown has come
  | "refused" // a picture could not be uploaded
  | "lost-picture" // the page was loaded anew before a picture was read
  | "ask" // the server is to read what is shown
  | "open" // another digit of the answer is open: `DigitAnswer.openDigit`
  | "why" // the server is to explain the answer
  | "taught" // the browser has learned, or forgotten, how the visitor writes
  | "correct"; // a correction is about to be sent

// Attributes of <html>, `data-theme` and so on; `page.css` shows and hides by them.
interface Flags {
  theme: "light" | "dark";
  layout: "beside" | "below" | "low"; // where the answer stands
  drop?: ""; // while a file is held over the page
  reader: "server" | "browser"; // who reads drawings
  lost?: ""; // while the server is out of reach
  mode?: "ten"; // while a game of ten digits is on, from its rules to its result
}

// A number as data: `Number.to_dict` in Python, and what `handlers._as_answer` adds to it.
interface Answer {
  text: string; // "" where there is no number
  is_number: boolean;
  reason: string | null; // why it is not a number
  best_reading: string;
  probability: number; // that the whole text is right
  rotated: number;
  rows: number;
  digits: AnswerDigit[]; // of a model with other classes than digits, one for all ink
  readings: string[]; // the best of each row
  size: number[]; // width and height of the picture, pixels
  is_photo?: boolean;
  message?: string; // why a photo could not be read
}

interface AnswerDigit {
  digit: number | null;
  is_digit: boolean;
  digit_score: number;
  probabilities: number[];
  rotated: number;
  image: number[][]; // 28x28, what the network saw
  box: number[]; // left, top, right, bottom in the picture, pixels
}

// A game of ten digits, as a reload of the page finds it again.
interface TenDigits {
  kind: "today" | "random" | "friend";
  day: number; // since 1970, in UTC
  order: number[]; // the digits, as they are asked for
  rival: number; // tenths of a second of the friend who sent the link; 0 without one
  best: number; // tenths of a second before this game; 0 without one
  done: DrawnDigit[];
  seconds: number; // of the digit that is asked for, until the clock last stopped
  isStarted: boolean; // with the first stroke
  drawing: (Stroke | Clear)[]; // from before the game
  search: string; // the address's, from before the game
}

interface DrawnDigit {
  strokes: Stroke[];
  time: number; // tenths of a second
  penalty: number; // tenths of a second; 0 unless it was skipped
}

declare var tell: (event: PageEvent) => void;
declare var flags: Flags;
declare var coverPicture: (size: number[], boxes: number[][], makeOne: (place: number) => HTMLElement) => HTMLElement;
declare var article: (digit: string | number) => string; // "an 8"
declare var percent: (probability: number) => string;
declare var paintDigit: (canvas: HTMLCanvasElement, image: number[][] | undefined) => void; // 28x28 greys
// What the worker gives for a message: for digits, 28x28 numbers that speak for each; for "inside", see
// `reading/inside.js`. Null where it cannot, or where the server reads.
declare var askWorker: (message: { digits: AnswerDigit[] } | { taught: { image: number[], label: number }[] } | { inside: { ask: string, [more: string]: any } }) => Promise<any>;
declare var explainOnServer: undefined | ((digits: AnswerDigit[]) => Promise<number[][][]>);
declare var tenDigits: {
  inSeconds(tenths: number): string;
  total(game: TenDigits): number; // tenths of a second
  headline(game: TenDigits): string;
  makePanel(game: TenDigits): HTMLElement;
};
// The parts of the page that are fetched when they are needed; `LATER` in `browser.py`.
interface Later {
  card: typeof import("./card.js");
  guess: typeof import("./guess.js");
  inside: typeof import("./inside.js");
}
declare var fetchLater: <Name extends keyof Later>(name: Name) => Promise<Later[Name]>;
declare var saveFile: (address: string, name: string) => void;
declare var shareLink: (url: string, text: string, title: string) => Promise<boolean>;

declare var drawingCode: {
  encode(strokes: Stroke[]): string; // "" where that is too long
  decode(code: string): Stroke[]; // throws where it is no such code
};

interface DocumentEventMap {
  digitrec: CustomEvent<PageEvent>;
  "digitrec-read": CustomEvent<Answer & { isLast: boolean }>; // not last: the pen still moves
}

// Gradio makes a component's script the body of a function of these.
declare const element: HTMLElement;
declare const props: { value: any };
declare const trigger: (event: "input" | "upload") => void;
declare const upload: (file: File) => Promise<{ path: string }>;
declare const watch: (name: "value", changed: () => void) => void;

type Context = CanvasRenderingContext2D;
type Point = [across: number, down: number]; // shares of the paper's side

interface Stroke {
  eraser: boolean;
  thin?: true; // drawn with the thin pen
  points: Point[];
  pause?: number; // milliseconds between the stroke before and this one; what a link was made of may lack it
  time?: number; // milliseconds that it took
  clear?: undefined;
}

interface Clear {
  clear: true;
  eraser?: undefined;
  thin?: undefined;
  points?: undefined;
  pause?: undefined;
  time?: undefined;
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
  readonly isEmpty: boolean;
  readonly isBlank: boolean;
  readonly isShowing: boolean; // a photo, over the paper
  readonly picture: HTMLImageElement; // the photo
  readonly pen: number; // its width in the drawing, as a share of the paper's side
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
}

// What is said of an answer: a sentence, what to do or to know beside, and both for screen readers.
type Words = [said: string, hint: string, spoken: string];

// <digit-answer>, as other scripts may use it.
interface DigitAnswer extends HTMLElement {
  readonly answer: Answer | null; // null where the paper is blank
  readonly classes: string[]; // what the network tells apart
  readonly words: Words; // what is to be said of the answer, "" where there is none
  readonly openDigit: number; // which of the digits is open, from 0
  readonly isSettled: boolean; // whether the answer is to all that is drawn
  readonly isPhoto: boolean;
  take(answer: Answer | null, isPhoto: boolean): void;
  remark: (words: Words, answer: Answer) => Words; // changes what is said of an answer
}

interface HTMLElementTagNameMap {
  "digit-answer": DigitAnswer;
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
