import type { Cli } from "../../cli.ts";
import { alignColumns } from "../../show/table.ts";
import { yamlOf } from "../../show/yaml.ts";
import { shownOn } from "../../text/visible.ts";

/** How wide a column is at least, in lists that know no templates. */
const MINIMUM_WIDTH = 20;

/**
 * Prints a list that knows no templates.
 * @param titles the columns: title → key of the rows; other keys are in JSON only.
 */
export async function printRows<Row extends object>(
  cli: Cli,
  format: string,
  titles: Readonly<Record<string, keyof Row>>,
  rows: readonly Row[],
  asJson: readonly object[] = rows,
): Promise<void> {
  switch (format.toLowerCase()) {
    case "table":
    case "pretty":
    case "": {
      const head = Object.keys(titles).join("\t");
      const lines = rows.map((row) =>
        Object.values(titles)
          .map((key) => String(row[key]))
          .join("\t"),
      );
      cli.print(alignColumns(shownOn(1, `${[head, ...lines].join("\n")}\n`), MINIMUM_WIDTH));
      return;
    }
    case "json":
      cli.line(JSON.stringify(asJson));
      return;
    case "yaml":
      cli.print(await yamlOf(JSON.stringify(asJson)));
      return;
    default:
      throw new Error(`format value ${JSON.stringify(format)} could not be parsed: parsing failed`);
  }
}
