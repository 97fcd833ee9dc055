/** What a registry wants to see (RFC 9110, 11.6.1). */
export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

const HEADER_LENGTH_MAX = 16 << 10;
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;
const BLANKS = /[\s,]*/y;
const EQUALS = /\s*=\s*/y;

/**
 * The challenges of one or several `WWW-Authenticate` headers, joined with commas as HTTP libraries do. What is malformed ends
 * the list: what came before still counts.
 */
export function parseChallenges(header: string | null): Challenge[] {
  if (header === null || header.length > HEADER_LENGTH_MAX) return [];
  const reader = new Reader(header);
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  for (;;) {
    reader.take(BLANKS);
    const name = reader.take(TOKEN)?.[0];
    if (name === undefined) return challenges;
    const current = challenges.at(-1);
    // A name with `=` behind it is a parameter of the last scheme; one without is the next scheme.
    if (current === undefined || reader.take(EQUALS) === undefined) {
      challenges.push({ scheme: name.toLowerCase(), parameters: {} });
      reader.take(/ +/y);
      // `Negotiate abc==`: no parameters, and not needed.
      if (!reader.looksLike(/[!#$%&'*+.^_`|~0-9A-Za-z-]+\s*=\s*["!#$%&'*+.^_`|~0-9A-Za-z-]/y))
        reader.take(TOKEN68);
      continue;
    }
    const value = reader.take(QUOTED)?.[1]?.replaceAll(/\\(.)/g, "$1") ?? reader.take(TOKEN)?.[0];
    if (value === undefined) return challenges;
    current.parameters[name.toLowerCase()] = value;
  }
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at = pattern.lastIndex;
    return match;
  }

  looksLike(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    return pattern.test(this.#text);
  }
}
