import type { ContainerMount } from "../record.ts";

/** A mount as it was asked for; a volume is not made yet and has no source. */
export interface PlannedMount extends ContainerMount {
  /** How to make the volume where there is none. */
  readonly volume?: {
    readonly driver?: string;
    readonly driverOptions?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
  };
}
