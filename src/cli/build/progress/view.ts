import type { StatusMessage } from "../../../lib/buildkit/index.ts";
import type { Output } from "../../terminal/output.ts";
import { JsonView } from "./json-view.ts";
import { PlainView } from "./plain-view.ts";
import { TerminalView } from "./terminal-view.ts";

/** Shows how a build goes. Progress is no result: all of it goes to standard error. */
export interface ProgressView {
  show(message: StatusMessage): void;
  /** @param failed what the build ended with, which is told by who called */
  end(failed: boolean): void;
}

export const PROGRESS_KINDS = ["auto", "plain", "tty", "json", "rawjson", "quiet", "none"] as const;
export type ProgressKind = (typeof PROGRESS_KINDS)[number];

/** @param isTerminal whether somebody looks; asked where it matters, for to find out takes a while */
export function progressView(kind: ProgressKind, output: Output, isTerminal: () => boolean): ProgressView {
  switch (kind) {
    case "quiet":
    case "none":
      return { show() {}, end() {} };
    case "json":
    case "rawjson":
      return new JsonView(output);
    case "tty":
      return new TerminalView(output);
    case "plain":
      return new PlainView(output);
    case "auto":
      return isTerminal() ? new TerminalView(output) : new PlainView(output);
  }
}
