import type { MonitorProcess } from "./monitor.ts";

/** Nobody knows: a monitor that was killed took the code with it. */
const UNKNOWN_EXIT = 255;

/** How an exec'd process ended, in the monitor's last words. Never rejects. */
export async function exitOf(monitor: MonitorProcess): Promise<{ code: number }> {
  try {
    const last = await monitor.next();
    return { code: last && last.data >= 0 ? last.data : UNKNOWN_EXIT };
  } catch {
    return { code: UNKNOWN_EXIT };
  } finally {
    monitor.close();
  }
}
