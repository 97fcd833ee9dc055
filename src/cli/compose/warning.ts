import { quote } from "../text/numbers.ts";
import { type Colours, YELLOW } from "./colours.ts";

/** A warning as Docker Compose logs one: for people on a terminal, for programs elsewhere. */
export function warningLine(message: string, asJson: boolean, colours: () => Colours): string {
  const time = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  if (asJson) return JSON.stringify({ level: "warning", msg: message, time });
  const { enabled, paint } = colours();
  if (enabled) return `${paint(YELLOW, "WARN")}[0000] ${message}`;
  return `time=${JSON.stringify(time)} level=warning msg=${quote(message)}`;
}
