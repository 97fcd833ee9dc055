import { invalidParameter } from "../../lib/index.ts";
import type { HostConfig, RestartPolicy } from "../../wire/index.ts";
import { hasPolicy } from "../restart-policy.ts";

/**
 * Checks what a request says about container and host, resources, security, mounts and network apart, which
 * have checks
 * of their own. Every field is honoured somewhere or refused here.
 * @throws InvalidParameter in Docker's words
 */
export function validateHost(host: HostConfig): void {
  if (host.AutoRemove && hasPolicy(host.RestartPolicy)) {
    throw invalidParameter("can't create 'AutoRemove' container with restart policy");
  }
  if (host.RestartPolicy) validateRestartPolicy(host.RestartPolicy);
  validateModes(host);
  if ((host.ShmSize ?? 0) < 0) throw invalidParameter("SHM size can not be less than 0");
  const score = host.OomScoreAdj ?? 0;
  if (score < -1000 || score > 1000) {
    throw invalidParameter(`Invalid value ${score}, range for oom score adj is [-1000, 1000]`);
  }
  if (Object.hasOwn(host.Annotations ?? {}, "")) {
    throw invalidParameter("invalid Annotations: the empty string is not permitted as an annotation key");
  }
  if (host.StorageOpt && Object.keys(host.StorageOpt).length > 0) {
    throw invalidParameter("--storage-opt is supported only for overlay over xfs with 'pquota' mount option");
  }
  if (host.Cgroup) throw invalidParameter(`invalid cgroup specification: ${host.Cgroup}`);
  if ((host.CpuShares ?? 0) < 0) {
    throw invalidParameter(`invalid CPU shares (${host.CpuShares}): value must be a positive integer`);
  }
  const { CpuRealtimePeriod: period = 0, CpuRealtimeRuntime: runtime = 0 } = host;
  if (period !== 0 && runtime > period) {
    throw invalidParameter("cpu real-time runtime cannot be higher than cpu real-time period");
  }
}

/** @throws InvalidParameter */
export function validateRestartPolicy(policy: RestartPolicy): void {
  const { Name: name = "", MaximumRetryCount: count = 0 } = policy;
  switch (name) {
    case "":
      return;
    case "no":
    case "always":
    case "unless-stopped":
      if (count === 0) return;
      throw invalidParameter(
        "invalid restart policy: maximum retry count can only be used with 'on-failure'" +
          (count < 0 ? " and cannot be negative" : ""),
      );
    case "on-failure":
      if (count >= 0) return;
      throw invalidParameter("invalid restart policy: maximum retry count cannot be negative");
    default:
      throw invalidParameter(
        `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
      );
  }
}

function validateModes(host: HostConfig): void {
  const { IpcMode: ipc = "", PidMode: pid = "", UTSMode: uts = "", UsernsMode: userns = "" } = host;
  if (!["", "none", "private", "shareable", "host"].includes(ipc) && !ipc.startsWith("container:")) {
    throw invalidParameter(`invalid IPC mode: ${ipc}`);
  }
  if (!["", "host"].includes(pid) && !/^container:[^:]+$/.test(pid)) {
    throw invalidParameter(`invalid PID mode: ${pid}`);
  }
  if (!["", "host"].includes(uts)) throw invalidParameter(`invalid UTS mode: ${uts}`);
  if (!["", "host"].includes(userns)) throw invalidParameter(`invalid USER mode: ${userns}`);
  if (!["", "private", "host"].includes(host.CgroupnsMode ?? "")) {
    throw invalidParameter(`invalid cgroup namespace mode: ${host.CgroupnsMode}`);
  }
  if (!["", "default"].includes((host.Isolation ?? "").toLowerCase())) {
    throw invalidParameter(`invalid isolation (${host.Isolation}): linux only supports 'default'`);
  }
}
