import type { RestartPolicy } from "../../wire/index.ts";
import type { NamedService } from "../application.ts";

/** The service's restart policy; that of `deploy` counts where both are given. */
export function restartPolicy({ restart, deploy }: NamedService): RestartPolicy {
  const policy = deploy?.restart_policy;
  if (policy)
    return { Name: engineName(policy.condition ?? ""), MaximumRetryCount: policy.max_attempts ?? 0 };
  const [name = "", attempts] = (restart ?? "").split(":", 2);
  return { Name: engineName(name), MaximumRetryCount: Number.parseInt(attempts ?? "0", 10) || 0 };
}

function engineName(condition: string): string {
  if (condition === "none") return "no";
  if (condition === "any") return "always";
  return condition;
}
