import { expect, test } from "bun:test";
import { withoutCredentials } from "./credentials.ts";

test("passwords in addresses are no part of what is shown", () => {
  const shown = {
    "https://user:secret@host/a": "https://xxxxx:xxxxx@host/a",
    "http://token@host/a?b=c": "http://xxxxx:xxxxx@host/a?b=c",
    "https://user:se@cret@host/a@b": "https://xxxxx:xxxxx@host/a@b",
    "ssh://git@host/a.git": "ssh://git@host/a.git",
    "ssh://git:secret@host/a.git": "ssh://xxxxx:xxxxx@host/a.git",
    "git@host:a.git": "git@host:a.git",
    "https://host/a@b": "https://host/a@b",
    'ADD ["https://u:p@host/a", "git://u:p@host/b", "/x@y"]':
      'ADD ["https://xxxxx:xxxxx@host/a", "git://xxxxx:xxxxx@host/b", "/x@y"]',
    "nothing to hide": "nothing to hide",
  };
  for (const [text, expected] of Object.entries(shown)) expect(withoutCredentials(text)).toBe(expected);
});
