import { invalidParameter } from "../../lib/index.ts";
import type { NamedService } from "../application.ts";
import type { Service } from "../model/index.ts";

/** @throws InvalidParameter for what no container engine of ours can do. */
export function refuseUnsupported(service: NamedService): void {
  const refuse = (attribute: string, why: string) => {
    throw invalidParameter(`services.${service.name}.${attribute}: ${why}`);
  };
  if (service.provider) refuse("provider", "services of a provider are not supported");
  if (Object.keys(service.models ?? {}).length > 0) refuse("models", "language models are not supported");
  if (service.credential_spec) refuse("credential_spec", "is for Windows containers only");
}

/** Attributes of `deploy` that speak of a cluster: what they ask for has no meaning on one engine. */
export function deployWarnings({ name, deploy }: NamedService): string[] {
  if (deploy === undefined || deploy === null) return [];
  return [...withoutMeaning(deploy)].map(
    (attribute) => `services.${name}.deploy.${attribute} has no effect: it is for a cluster of engines`,
  );
}

function* withoutMeaning(deploy: NonNullable<Service["deploy"]>): Generator<string> {
  const { mode, endpoint_mode, update_config, rollback_config, placement, resources, restart_policy } =
    deploy;
  if (mode !== undefined && mode !== "" && mode !== "replicated" && mode !== "global") yield "mode";
  // A name of several containers is answered with all their addresses, which is what `dnsrr` says.
  if (endpoint_mode !== undefined && endpoint_mode !== "dnsrr") yield "endpoint_mode";
  if (update_config) yield "update_config";
  if (rollback_config) yield "rollback_config";
  if (Object.keys(placement ?? {}).length > 0) yield "placement";
  if (resources?.reservations?.cpus) yield "resources.reservations.cpus";
  if (resources?.reservations?.generic_resources) yield "resources.reservations.generic_resources";
  if (restart_policy?.delay !== undefined) yield "restart_policy.delay";
  if (restart_policy?.window !== undefined) yield "restart_policy.window";
}
