// A database of a test's own, on the PostgreSQL server that `cargo xtask test` starts for some tests.

import path from "node:path";

import { output } from "./program.mjs";

let count = 0;

/** A copy of the empty one, or nothing where tests use SQLite. */
export async function createDatabase() {
  const { SWITCHBOARD_TEST_POSTGRES: server, SWITCHBOARD_PG_BIN: programs } = process.env;
  if (!server) return undefined;
  const name = `browser_${process.pid}_${(count += 1)}`;
  const maintenance = ["--maintenance-db", `${server}/postgres`, name];
  await output(path.join(programs, "createdb"), ["--template", "prepared", ...maintenance]);
  return {
    url: `${server}/${name}`,
    drop: () => output(path.join(programs, "dropdb"), ["--force", "--if-exists", ...maintenance]),
  };
}
