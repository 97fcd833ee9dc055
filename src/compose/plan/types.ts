/** Why something is to be done. */
export interface Reason {
  /** `configuration changed`, `image changed`, `not there yet`, … */
  readonly text: string;
  readonly changes?: readonly AttributeChange[];
}

/** One attribute that is not what a container, network or volume was made with. */
export interface AttributeChange {
  /** `image`, `ports`, `environment.LOG_LEVEL`, … */
  readonly attribute: string;
  /** As YAML would have it on one line; undefined where it was not there, is not known, or is not for everybody's eyes. */
  readonly old?: string;
  readonly new?: string;
  readonly kind: "added" | "removed" | "changed";
}

export type ActionKind =
  | "create"
  | "recreate"
  | "start"
  /** Stopped and started again, without being made anew. */
  | "restart"
  | "remove"
  | "keep"
  | "pull"
  | "build"
  | "createNetwork"
  | "recreateNetwork"
  | "createVolume"
  | "recreateVolume";

/** One thing that `up` would do, or would leave as it is (`keep`). */
export interface PlannedAction {
  readonly kind: ActionKind;
  /** As progress calls it: `Container shop-web-1`, `Network shop_default`, `Volume shop_data`, `Image shop-web`. */
  readonly what: string;
  readonly service?: string;
  readonly why: readonly Reason[];
}

export interface Plan {
  /** In the order in which they would be begun. */
  readonly actions: readonly PlannedAction[];
}
