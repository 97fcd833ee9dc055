import { randomBytes } from "node:crypto";

export type ContainerId = string & { readonly __brand: "ContainerId" };
export type ExecId = string & { readonly __brand: "ExecId" };

/** 64 lower-case hex digits, as Docker gives containers, execs, networks and anonymous volumes. */
export function newId(): string {
  return randomBytes(32).toString("hex");
}

/** The first 12 digits, which is what people see and type. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}
