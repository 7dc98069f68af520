import { Argument, type Command } from "commander";
import { type OutputOptions, print, withOutput } from "./command-kit.ts";

type Shell = "bash" | "zsh" | "fish";
/** What may follow a command's words: the next words, and its options. */
type Words = ReadonlyMap<string, readonly string[]>;

/** `heddle completion`: a script by which a shell completes commands and options. */
export function addCompletionCommand(program: Command): void {
  withOutput(program.command("completion"))
    .description("print a script by which a shell completes commands and options")
    .addArgument(new Argument("<shell>", "which one").choices(["bash", "zsh", "fish"]))
    .action((shell: Shell, options: OutputOptions) => {
      const script = shell === "fish" ? fishScript(program) : bashScript(wordsOf(program), shell);
      print(options, { shell, script }, () => script);
    });
}

function wordsOf(command: Command, path = ""): Words {
  const next = shownCommands(command).map((one) => one.name());
  const options = command.options.flatMap((option) => (option.hidden ? [] : [option.long ?? ""]));
  const own = [path, [...next, ...options, "--help"]] as const;
  const below = shownCommands(command).flatMap((one) => [
    ...wordsOf(one, `${path} ${one.name()}`.trim()),
  ]);
  return new Map([own, ...below]);
}

function shownCommands(command: Command): readonly Command[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((one) => one.name() !== "help");
}

function bashScript(words: Words, shell: "bash" | "zsh"): string {
  const cases = [...words].map(([path, next]) => `    "${path}") words="${next.join(" ")}" ;;`);
  const prelude = shell === "zsh" ? ["autoload -U +X bashcompinit && bashcompinit"] : [];
  return [
    ...prelude,
    "_heddle() {",
    '  local path="" word words',
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    '    [[ "$word" == -* ]] && break',
    '    path="${path:+$path }$word"',
    "  done",
    '  case "$path" in',
    ...cases,
    '    *) words="" ;;',
    "  esac",
    '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
    "}",
    "complete -o default -F _heddle heddle",
  ].join("\n");
}

function fishScript(program: Command): string {
  const lines = shownCommands(program).flatMap((command) => {
    const about = command.description().replaceAll("'", "\\'");
    const below = shownCommands(command).map((one) => one.name());
    return [
      `complete -c heddle -n __fish_use_subcommand -a ${command.name()} -d '${about}'`,
      ...(below.length === 0
        ? []
        : [
            `complete -c heddle -n '__fish_seen_subcommand_from ${command.name()}' -a '${below.join(" ")}'`,
          ]),
    ];
  });
  return lines.join("\n");
}
