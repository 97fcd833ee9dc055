/**
 * The places between two durable steps of an operation on a container at which tests kill the daemon (see
 * `faultPoint`),
 * in the order in which an operation passes them.
 */
export const FAULT_POINTS = [
  "create:recorded",
  "create:materialised",
  "create:saved",
  "start:bundle",
  "start:prepared",
  "start:created",
  "start:recorded",
  "start:started",
  "stop:decided",
  "stop:asked",
  "stop:cleaned",
  "stop:recorded",
  "remove:decided",
  "remove:marked",
  "remove:given-back",
  "remove:deleted",
] as const;
