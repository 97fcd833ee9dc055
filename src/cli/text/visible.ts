import { isTerminal } from "../terminal/tty.ts";

/**
 * What a terminal obeys instead of showing: C0 but for line feed and tab, DEL, and C1, of which U+009B begins sequences
 * too. Carriage returns are among them: they let a text overwrite what stands before it.
 */
const OBEYED = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/;

export function isObeyed(text: string): boolean {
  return OBEYED.test(text);
}

/** Control characters as Go quotes them: `\x1b`. */
export function visible(text: string): string {
  if (!isObeyed(text)) return text;
  const everywhere = new RegExp(OBEYED, "g");
  return text.replace(everywhere, (one) => `\\x${one.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/**
 * A text with words that an image, a container or an engine has chosen, for a descriptor: none of them moves a person's
 * cursor, sets the window's title or types into the terminal. Programs that read get every byte.
 */
export function shownOn(descriptor: 1 | 2, text: string): string {
  return isObeyed(text) && isTerminal(descriptor) ? visible(text) : text;
}
