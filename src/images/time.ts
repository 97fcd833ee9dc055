/** Seconds since the epoch of an RFC 3339 time, as Go's `Unix()` gives them; Go's zero time where there is none. */
export function unixSeconds(time: string | undefined): number {
  return time === undefined ? GO_ZERO_SECONDS : Math.floor(Date.parse(time) / 1000);
}

/** 0001-01-01T00:00:00Z, which Go prints where no time is set. */
const GO_ZERO_SECONDS = -62_135_596_800;

/** Now, as Go writes it in an image's configuration. */
export function nowRfc3339(): string {
  const fraction = String(process.hrtime.bigint() % 1_000_000n).padStart(6, "0");
  return new Date().toISOString().replace("Z", `${fraction}Z`);
}
