/** What a seccomp filter looks at: `struct seccomp_data` without the instruction pointer. */
export interface SystemCallData {
  readonly number: number;
  /** AUDIT_ARCH_* */
  readonly architecture: number;
  /** Those that are left out are 0. */
  readonly arguments?: readonly (number | bigint)[];
}

/**
 * For tests: runs a seccomp program as the kernel would and returns its SECCOMP_RET_* value. Knows the instructions of
 * classic BPF (Documentation/networking/filter.rst) that the kernel admits to filters and libseccomp uses.
 * @throws for any other instruction, a jump out of the program, and a load out of the data
 */
export function seccompVerdict(program: Uint8Array, call: SystemCallData): number {
  const instructions = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const data = packed(call);
  let accumulator = 0;
  for (let next = 0; ; ) {
    const at = next * 8;
    const code = instructions.getUint16(at, true);
    const constant = instructions.getUint32(at + 4, true);
    const jump = (condition: boolean) => instructions.getUint8(at + (condition ? 2 : 3));
    next++;
    switch (code) {
      case 0x20: // ld [k]
        if (constant % 4 !== 0) throw new Error(`load from ${constant}`);
        accumulator = data.getUint32(constant, true);
        break;
      case 0x54: // and #k
        accumulator = (accumulator & constant) >>> 0;
        break;
      case 0x05: // ja
        next += constant;
        break;
      case 0x15: // jeq
        next += jump(accumulator === constant);
        break;
      case 0x25: // jgt
        next += jump(accumulator > constant);
        break;
      case 0x35: // jge
        next += jump(accumulator >= constant);
        break;
      case 0x45: // jset
        next += jump((accumulator & constant) !== 0);
        break;
      case 0x06: // ret #k
        return constant;
      default:
        throw new Error(`instruction 0x${code.toString(16)}`);
    }
  }
}

function packed({ number, architecture, arguments: values = [] }: SystemCallData): DataView {
  const data = new DataView(new ArrayBuffer(64));
  data.setInt32(0, number, true);
  data.setUint32(4, architecture, true);
  for (const [index, value] of values.entries()) data.setBigUint64(16 + index * 8, BigInt(value), true);
  return data;
}
