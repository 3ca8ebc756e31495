package io.tensorbridge.cli;

/** A command that the launcher runs in Python before any JVM starts; here it is only listed. */
record PythonCommand(String name, String summary) implements Command {
  @Override
  public CommandSyntax syntax() {
    return CommandSyntax.of(name, summary, summary + " Start it by ./tensorbridge " + name + ".");
  }

  @Override
  public int run(Arguments arguments, Console console) {
    throw new UsageException("runs in Python: start it by the script ./tensorbridge");
  }
}
