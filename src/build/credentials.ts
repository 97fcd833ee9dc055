/** In place of who and what, in BuildKit's words. */
const MASK = "xxxxx:xxxxx@";

/**
 * A text as it may be shown and kept: what is in front of the `@` in an address of the web is a password, or a token; in other
 * addresses, whose user is often no secret (`ssh://git@…`), only where there is a password, too.
 */
export function withoutCredentials(text: string): string {
  if (!text.includes("@")) return text;
  return text.replace(
    /([a-z][a-z0-9+.-]{0,30}:\/\/)([^\s/?#"']{1,4096})@/gi,
    (found: string, scheme: string, user: string) =>
      /^https?:/i.test(scheme) || user.includes(":") ? `${scheme}${MASK}` : found,
  );
}
