package io.tensorbridge.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.tensorbridge.cli.CommandSyntax.Option;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;

/** Tells whether the machine will do. */
final class DoctorCommand implements Command {
  @Override
  public CommandSyntax syntax() {
    return CommandSyntax.of(
        "doctor",
        "Tell whether this machine will do.",
        "Tries out what Tensorbridge needs of this machine, and tells what to do where it"
            + " lacks. Exit code 1 if something that is needed is missing.")
        .option(Option.flag("--json", "Print one JSON document on standard output."));
  }

  @Override
  public int run(Arguments arguments, Console console) {
    List<Check> checks = MachineChecks.all();
    if (arguments.flag("--json")) {
      JsonDocument.print(console.out(), json -> write(json, checks));
    } else {
      print(console.out(), checks);
    }
    boolean failed = checks.stream().anyMatch(check -> check.verdict() == Check.Verdict.FAIL);
    return failed ? ExitCode.FAILED : ExitCode.DONE;
  }

  private static void print(PrintWriter out, List<Check> checks) {
    TextTable table = new TextTable("", "", "found");
    for (Check check : checks) {
      table.add(check.subject(), check.verdict().toString(), check.found());
      if (!check.remedy().isEmpty()) {
        table.add("", "", "-> " + check.remedy());
      }
    }
    table.print(out);
    out.flush();
  }

  private static void write(JsonGenerator generator, List<Check> checks) throws IOException {
    generator.writeArrayFieldStart("checks");
    for (Check check : checks) {
      generator.writeStartObject();
      generator.writeStringField("subject", check.subject());
      generator.writeStringField("verdict", check.verdict().toString());
      generator.writeStringField("found", check.found());
      generator.writeStringField("remedy", check.remedy());
      generator.writeEndObject();
    }
    generator.writeEndArray();
  }
}
