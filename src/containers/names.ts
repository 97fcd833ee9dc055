import { randomInt } from "node:crypto";
import { invalidParameter } from "../lib/index.ts";

/** Docker's restriction: at least two characters, the first a letter or digit. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/**
 * A container's name as it is kept, without its slash.
 * @throws InvalidParameter in Docker's words
 */
export function parseName(text: string): string {
  const name = text.replace(/^\//, "");
  if (!NAME.test(name)) {
    throw invalidParameter(`Invalid container name (${text}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
  }
  return name;
}

/**
 * `calm_harbor`, the first that is free of a few tries, with a digit behind it in the later ones; the short
 * id where
 * all were taken.
 */
export function randomName(isTaken: (name: string) => boolean, shortId: string): string {
  for (let attempt = 0; attempt < 6; attempt++) {
    const name = `${pick(ADJECTIVES)}_${pick(NOUNS)}${attempt === 0 ? "" : randomInt(10)}`;
    if (!isTaken(name)) return name;
  }
  return shortId;
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)]!;
}

const ADJECTIVES: readonly string[] =
  `able airy amber ample ardent azure balmy bold brave breezy brisk bright buoyant calm candid clear clever cool
  cosy crisp curious daring dapper deep deft eager early easy elated fair fearless fine fleet floating fond free
  fresh friendly gallant gentle glad golden graceful grand hardy hearty honest humble jolly keen kind lively loyal
  lucid lucky mellow merry mighty mindful modest neat nimble noble open patient placid plucky polite prime proud
  quick quiet rapid ready restful robust rosy royal rugged salty serene sharp silent silver sleek smart snug solid
  sound spirited spry stable steady still stout sturdy sunny swift tidy trim true trusty upbeat valiant vivid warm
  wise witty worthy young zealous zesty`.split(/\s+/);

const NOUNS: readonly string[] =
  `albatross anchor atoll ballast barge barque bay beacon boatswain bollard bosun bow breakwater brig buoy cabin
  canoe canal captain capstan caravel cargo catamaran channel clipper coast compass coral corvette coxswain crane
  crew current cutter deck delta dinghy dock dolphin dory drydock estuary fathom ferry fjord fleet foghorn frigate
  galleon galley gangway gull gunwale halyard harbor hatch haven hawser heron helm hull inlet island jetty jib kayak
  keel kelp ketch knot lagoon lanyard lantern launch lighthouse lock longboat lugger mainsail manatee mariner
  marina mast mooring narwhal navigator oar ocean orca osprey otter outrigger paddle pelican pier pilot pinnace
  plank pontoon porpoise port porthole prow quay raft reef rigging rudder sail sailor schooner sextant shoal shore
  skiff skipper sloop sounding spar spinnaker starboard stern strait surf tanker tern tide tiller topsail trawler
  tug turtle voyage walrus wave wharf winch windlass yacht yawl`.split(/\s+/);
