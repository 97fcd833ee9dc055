/** What the engine tells the world about itself (`GET /events`), in Docker's vocabulary. */
export type EventType = "container" | "image" | "volume" | "network" | "daemon" | "builder" | "plugin";

export interface EngineEvent {
  readonly type: EventType;
  /** `create`, `start`, `die`, `health_status: healthy`, `exec_create: sh -c …` */
  readonly action: string;
  /** The object's id (containers, networks) or name (volumes), or an image's reference or id. */
  readonly actorId: string;
  /** Labels and facts: `name`, `image`, `exitCode`, `signal`, … */
  readonly attributes: Readonly<Record<string, string>>;
}

/** Handed to every room that has something to tell; never throws, never waits. */
export type EmitEvent = (event: EngineEvent) => void;
