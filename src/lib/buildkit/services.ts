/** Paths of the calls that an engine makes to its client within a build's session. */
export const METHODS = {
  health: "/grpc.health.v1.Health/Check",
  fileSync: "/moby.filesync.v1.FileSync/DiffCopy",
  fileSend: "/moby.filesync.v1.FileSend/DiffCopy",
  credentials: "/moby.filesync.v1.Auth/Credentials",
  secret: "/moby.buildkit.secrets.v1.Secrets/GetSecret",
  checkAgent: "/moby.sshforward.v1.SSH/CheckAgent",
  forwardAgent: "/moby.sshforward.v1.SSH/ForwardAgent",
  upload: "/moby.upload.v1.Upload/Pull",
} as const;

/** Paths of the calls that a client makes to its engine, over `POST /grpc`. */
export const ENGINE_METHODS = {
  info: "/moby.buildkit.v1.Control/Info",
  listWorkers: "/moby.buildkit.v1.Control/ListWorkers",
  solve: "/moby.buildkit.v1.Control/Solve",
  status: "/moby.buildkit.v1.Control/Status",
  session: "/moby.buildkit.v1.Control/Session",
  diskUsage: "/moby.buildkit.v1.Control/DiskUsage",
  prune: "/moby.buildkit.v1.Control/Prune",
  ping: "/moby.buildkit.v1.frontend.LLBBridge/Ping",
  solveFrontend: "/moby.buildkit.v1.frontend.LLBBridge/Solve",
  evaluate: "/moby.buildkit.v1.frontend.LLBBridge/Evaluate",
  return: "/moby.buildkit.v1.frontend.LLBBridge/Return",
} as const;

/** gRPC's status codes (grpc/doc/statuscodes.md), those that are told apart here. */
export const GrpcStatus = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** How a call failed, in the words of whoever answered it. */
export class GrpcError extends Error {
  readonly status: number;
  /** What else is told of it: a `google.rpc.Status`. */
  readonly details: Uint8Array | undefined;

  constructor(
    status: number,
    message: string,
    options: ErrorOptions & { readonly details?: Uint8Array } = {},
  ) {
    super(message, options);
    this.name = "GrpcError";
    this.status = status;
    this.details = options.details;
  }
}
