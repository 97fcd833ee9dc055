/** What the daemon remembers. */
export * from "./blobs.ts";
export * from "./database.ts";
export * from "./events.ts";
export * from "./trash.ts";
