import { expect, test } from "bun:test";
import { seccompVerdict } from "../../testing/seccomp-verdict.ts";
import { enosysStub, SCMP_ARCH_X32, SCMP_ARCH_X86_64 } from "./enosys-stub.ts";

const [X86, X86_64, ARM, AARCH64, OTHER] = [
  0x4000_0003, 0xc000_003e, 0x4000_0028, 0xc000_00b7, 0xc000_0015,
] as const;
const X32 = 0x4000_0000;
const ENOSYS = 0x0005_0026;
/** The "filter" behind the stub only says that it was reached. */
const REACHED = 0x7ff0_1234;

function verdicts(newest: [number, number][], architecture: number, numbers: number[]): string[] {
  const end = Buffer.from([0x06, 0, 0, 0, 0, 0, 0, 0]);
  end.writeUInt32LE(REACHED, 4);
  const program = Buffer.concat([enosysStub(new Map(newest)), end]);
  return numbers.map((number) => {
    const verdict = seccompVerdict(program, { number, architecture });
    return verdict === ENOSYS ? "ENOSYS" : verdict === REACHED ? "filter" : verdict.toString(16);
  });
}

const ALL: [number, number][] = [
  [X86, 300],
  [SCMP_ARCH_X86_64, 100],
  [SCMP_ARCH_X32, X32 + 50],
  [ARM, 0xf0005],
  [AARCH64, 200],
];

test.each([
  ["x86", X86, 300],
  ["x86_64", X86_64, 100],
  ["x32", X86_64, X32 + 50],
  ["arm", ARM, 0xf0005],
  ["aarch64", AARCH64, 200],
])("newer system calls than any named do not exist: %s", (_, architecture, newest) => {
  expect(verdicts(ALL, architecture, [newest - 1, newest, newest + 1, newest + 1000])).toEqual([
    "filter",
    "filter",
    "ENOSYS",
    "ENOSYS",
  ]);
});

test("an architecture without a named system call, and one that is none of the profile's, is the filter's matter", () => {
  expect(verdicts(ALL, OTHER, [0, 5000])).toEqual(["filter", "filter"]);
  expect(verdicts([[X86, 300]], X86_64, [0, 5000])).toEqual(["filter", "filter"]);
  expect(verdicts([], X86_64, [0, 5000])).toEqual(["filter", "filter"]);
});

test("x86_64 without x32, and x32 without x86_64", () => {
  const numbers = [100, 101, X32 + 1, X32 + 5000, -1];
  expect(verdicts([[SCMP_ARCH_X86_64, 100]], X86_64, numbers)).toEqual([
    "filter",
    "ENOSYS",
    "filter",
    "filter",
    "filter",
  ]);
  expect(verdicts([[SCMP_ARCH_X32, X32 + 50]], X86_64, numbers)).toEqual([
    "filter",
    "filter",
    "filter",
    "ENOSYS",
    "ENOSYS",
  ]);
});
