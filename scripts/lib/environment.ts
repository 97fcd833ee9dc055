/** What a user has set for the engines and clients he works with. */
const OWN_SETTINGS =
  /^(?:BERTH_(?:HOST|CONTEXT|AUTOSTART|HINTS|CONFIG)|(?:DOCKER|COMPOSE|BUILDKIT|BUILDX)_\w+)$/;

/** Tests and benchmarks speak to engines of their own, whichever one the user's environment names. */
export function forgetOwnSettings(environment: NodeJS.ProcessEnv = process.env): void {
  for (const name of Object.keys(environment)) if (OWN_SETTINGS.test(name)) delete environment[name];
}
