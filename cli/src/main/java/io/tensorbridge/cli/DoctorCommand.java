package io.tensorbridge.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Tells whether the machine will do. */
@Command(
    name = "doctor",
    description = {
      "Tries out what Tensorbridge needs of this machine, and tells what to do where it lacks.",
      "",
      "Exit code 1 if something that is needed is missing.",
      ""
    })
final class DoctorCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(names = "--json", description = "Print one JSON document on standard output.")
  private boolean json;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    List<Check> checks = MachineChecks.all();
    if (json) {
      JsonDocument.print(out, generator -> write(generator, checks));
    } else {
      print(out, checks);
    }
    boolean failed = checks.stream().anyMatch(check -> check.verdict() == Check.Verdict.FAIL);
    return failed ? ExitCode.SOFTWARE : ExitCode.OK;
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
