import { AF_NETLINK, SOCK_CLOEXEC, SOCK_RAW } from "../constants.ts";
import { EINTR, LinuxError } from "../errors.ts";
import { OwnedDescriptor } from "../files/descriptors.ts";
import { check, errno, libc } from "../libc.ts";
import {
  attributeText,
  type NetlinkMessage,
  type NetlinkReply,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_HEADER,
  parseAttributes,
  parseMessages,
} from "./message.ts";

// linux/netlink.h
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;

const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
/** The kernel answers while it takes a request, so no reply is ever waited for; a bug there must not stop the daemon for ever. */
const TIMEOUT_SECONDS = 10n;
/** A batch is sent in parts: the receive buffer holds some 250 answers, and one that does not fit is lost. */
const LARGEST_PART = 64;

/** One for all sockets of this thread, since calls are synchronous. A dump's datagrams are at most 32 KiB. */
const receiveBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** A request with what it is called in an error: `RTM_NEWLINK berth0`. */
export interface NetlinkRequest {
  readonly message: NetlinkMessage;
  readonly subject: string;
}

/**
 * A netlink socket for requests and their answers. It belongs to the network namespace that the thread is in when it
 * is made. Synchronous: the kernel handles a request before `send` returns.
 */
export class NetlinkSocket extends OwnedDescriptor {
  #sequence = 0;

  constructor(protocol: number) {
    super(check("socket", libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), "netlink"));
    for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) this.#enable(option);
    const timeout = new Uint8Array(new BigInt64Array([TIMEOUT_SECONDS, 0n]).buffer);
    libc.setsockopt(this.fd, SOL_SOCKET, SO_RCVTIMEO, timeout, timeout.length);
  }

  /**
   * Sends requests together, in as few datagrams as they fit, and reads all answers. One that fails does not keep the
   * kernel from those after it; the first failure is thrown when all have been answered.
   */
  run(requests: readonly NetlinkRequest[]): void {
    let refusal: LinuxError | undefined;
    for (let start = 0; start < requests.length; start += LARGEST_PART) {
      const part = requests.slice(start, start + LARGEST_PART);
      const first = this.#send(part);
      for (const [index, { subject }] of part.entries()) {
        const answer = this.#readAnswer((first + index) >>> 0, subject, () => {});
        refusal ??= answer;
      }
    }
    if (refusal !== undefined) throw refusal;
  }

  /** Asks for something. @param onReply gets each message; what it keeps of the body it must copy. */
  ask(request: NetlinkRequest, onReply: (reply: NetlinkReply) => void): void {
    const refusal = this.#readAnswer(this.#send([request]), request.subject, onReply);
    if (refusal !== undefined) throw refusal;
  }

  /**
   * Asks for a list. It is asked for again where it changed while the kernel wrote it. @param parse of each message.
   */
  dump<T>(build: () => NetlinkMessage, subject: string, parse: (reply: NetlinkReply) => T | undefined): T[] {
    for (let attempt = 1; ; attempt++) {
      const found: T[] = [];
      let interrupted = false;
      const message = build();
      message.addFlags(NLM_F_DUMP);
      this.ask({ message, subject }, (reply) => {
        interrupted ||= (reply.flags & NLM_F_DUMP_INTR) !== 0;
        const item = parse(reply);
        if (item !== undefined) found.push(item);
      });
      if (!interrupted || attempt === DUMP_ATTEMPTS) return found;
    }
  }

  #enable(option: number): void {
    const on = new Uint8Array(new Int32Array([1]).buffer);
    libc.setsockopt(this.fd, SOL_NETLINK, option, on, on.length); // older kernels lack some: they only explain less
  }

  /** @returns the sequence number of the first; the others follow. */
  #send(requests: readonly NetlinkRequest[]): number {
    this.#unread = [];
    const first = (this.#sequence + 1) >>> 0;
    const parts = requests.map(({ message }) => {
      message.addFlags(NLM_F_ACK);
      this.#sequence = (this.#sequence + 1) >>> 0;
      return message.finish(this.#sequence);
    });
    const datagram = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    check("send", libc.send(this.fd, datagram, datagram.length, 0), requests[0]?.subject);
    return first;
  }

  /** Reads up to the kernel's verdict on a request. @returns its refusal; throws where there is no verdict at all. */
  #readAnswer(
    sequence: number,
    subject: string,
    onReply: (reply: NetlinkReply) => void,
  ): LinuxError | undefined {
    for (;;) {
      for (let reply = this.#unread.shift(); reply !== undefined; reply = this.#unread.shift()) {
        if (reply.sequence !== sequence) continue; // left over from a request that was given up
        if (reply.type === NLMSG_ERROR || reply.type === NLMSG_DONE) return refusalIn(reply, subject);
        onReply(reply);
      }
      this.#unread = [...parseMessages(this.#receive(subject))];
    }
  }

  /** Messages of the datagram in the receive buffer that nobody has looked at yet. */
  #unread: NetlinkReply[] = [];

  #receive(subject: string): Buffer {
    for (;;) {
      const length = libc.recv(this.fd, receiveBuffer, receiveBuffer.length, 0);
      if (length >= 0) return receiveBuffer.subarray(0, length);
      const number = errno();
      if (number !== EINTR) throw new LinuxError("recv", number, subject);
    }
  }
}

const DUMP_ATTEMPTS = 10;

/** The kernel's verdict: 0 or a negative error number, and since Linux 4.12 a sentence about what it did not like. */
function refusalIn(reply: NetlinkReply, subject: string): LinuxError | undefined {
  const number = reply.body.length < 4 ? 0 : -reply.body.readInt32LE(0);
  if (number === 0) return undefined;
  const explained = (reply.flags & NLM_F_ACK_TLVS) !== 0;
  const offset = reply.type === NLMSG_ERROR ? 4 + NLMSG_HEADER : 4;
  const text = explained
    ? attributeText(parseAttributes(reply.body.subarray(offset)), NLMSGERR_ATTR_MSG)
    : undefined;
  return new LinuxError("netlink", number, text === undefined ? subject : `${subject} (${text})`);
}
