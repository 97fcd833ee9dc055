import type { Project } from "../project/index.ts";

/** Runs at most so many pieces of work at the same time; the others wait for their turn. */
export type Limiter = <T>(work: () => Promise<T>) => Promise<T>;

/** As `COMPOSE_PARALLEL_LIMIT` says; without it there is no limit. */
export function limiterOf(project: Project): Limiter {
  const most = Number(project.environment.get("COMPOSE_PARALLEL_LIMIT") ?? "");
  return Number.isInteger(most) && most > 0 ? limiter(most) : (work) => work();
}

export function limiter(most: number): Limiter {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running < most) running++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      // A place is handed on, so that nobody comes between.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
