import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { GitError } from "../errors.ts";

const TIMEOUT_MS = 120_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
/** Commits of an export are made by Heddle; their author is who made the revision. */
const COMMITTER = ["-c", "user.name=Heddle", "-c", "user.email=heddle@localhost"];

/** A git repository on this machine, through its own `git`: with the operator's credentials, hooks and settings. */
export class GitFolder {
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** Opens a folder of a repository. `isMade`: a missing or empty one becomes a repository. Throws `GitError`. */
  static async open(dir: string, { isMade }: { readonly isMade: boolean }): Promise<GitFolder> {
    const folder = new GitFolder(dir);
    if (!existsSync(dir)) {
      if (!isMade) throw new GitError(`there is no folder ${dir}`);
      mkdirSync(dir, { recursive: true });
    }
    const isInside = await folder.#try("rev-parse", "--is-inside-work-tree");
    if (isInside?.trim() === "true") return folder;
    if (!isMade || readdirSync(dir).length > 0) {
      throw new GitError(
        `${dir} is not in a git repository; run \`git init\` there${isMade ? ", or name an empty folder" : ""}`,
      );
    }
    await folder.run(["init", "-q"]);
    return folder;
  }

  /** Whether there is a commit yet. */
  async hasCommits(): Promise<boolean> {
    return (await this.#try("rev-parse", "--verify", "-q", "HEAD")) !== undefined;
  }

  /**
   * Runs `git ARGS` in the folder, never through a shell. Throws `GitError` with git's own words. `mayDiffer`: exit
   * code 1 only says that what was compared differs.
   */
  run(
    args: readonly string[],
    {
      input = "",
      mayDiffer = false,
    }: { readonly input?: string; readonly mayDiffer?: boolean } = {},
  ): Promise<string> {
    return new Promise((resolve, reject) => {
      const options = { timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES };
      const all = ["-C", this.dir, "-c", "core.quotePath=off", ...COMMITTER, ...args];
      const child = execFile("git", all, options, (error, stdout, stderr) => {
        const isDifference = mayDiffer && error?.code === 1 && stderr === "";
        if (!error || isDifference) resolve(stdout);
        else reject(toGitError(error, args[0] ?? "", stderr));
      });
      child.stdin?.on("error", () => undefined); // git ended first; its exit says why
      child.stdin?.end(input);
    });
  }

  /** `undefined`: git refused. That git is missing is thrown. */
  async #try(...args: string[]): Promise<string | undefined> {
    try {
      return await this.run(args);
    } catch (error) {
      if (error instanceof GitError && error.isMissing) throw error;
      return undefined;
    }
  }
}

function toGitError(error: Error, command: string, stderr: string): GitError {
  const code = "code" in error ? error.code : undefined;
  if (code === "ENOENT") {
    return new GitError("git is not on this machine's PATH; install it, or set PATH", {
      cause: error,
      isMissing: true,
    });
  }
  const words = stderr.trim() || error.message;
  return new GitError(`git ${command}: ${words}`, { cause: error });
}
