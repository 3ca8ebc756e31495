package io.tensorbridge.cli;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A page that needs no other file: tiles with figures, charts, tables that sort by a column. */
final class HtmlPage {
  private static final String STYLE = "report.css";
  private static final String SCRIPT = "report.js";

  private final StringBuilder body = new StringBuilder(1 << 16);
  private final String title;

  HtmlPage(String title, String subtitle) {
    this.title = title;
    body.append("<h1>").append(escaped(title)).append("</h1>\n<p>").append(escaped(subtitle))
        .append("</p>\n");
  }

  /** Figures: names and values in turn. */
  void addTiles(String... namesAndValues) {
    body.append("<dl class=\"tiles\">\n");
    for (int i = 0; i < namesAndValues.length; i += 2) {
      body.append("<div><dt>").append(escaped(namesAndValues[i])).append("</dt><dd>")
          .append(escaped(namesAndValues[i + 1])).append("</dd></div>\n");
    }
    body.append("</dl>\n");
  }

  /** A heading and a chart. */
  void addChart(String heading, String svg) {
    body.append("<h2>").append(escaped(heading)).append("</h2>\n").append(svg);
  }

  /** A heading and sentences, or nothing if there are none. */
  void addList(String heading, List<String> sentences) {
    if (sentences.isEmpty()) {
      return;
    }
    body.append("<h2>").append(escaped(heading)).append("</h2>\n<ul>\n");
    sentences.forEach(
        sentence -> body.append("<li>").append(escaped(sentence)).append("</li>\n"));
    body.append("</ul>\n");
  }

  /** A table; the head of a column of numbers begins with {@code >}. */
  void addTable(String heading, List<String> heads, List<List<String>> rows) {
    body.append("<h2>").append(escaped(heading))
        .append("</h2>\n<div class=\"scroll\"><table class=\"sortable\">\n<thead><tr>");
    for (String head : heads) {
      boolean number = head.startsWith(">");
      body.append(number ? "<th class=\"n\">" : "<th>")
          .append(escaped(number ? head.substring(1) : head)).append("</th>");
    }
    body.append("</tr></thead>\n<tbody>\n");
    for (List<String> row : rows) {
      body.append("<tr>");
      for (int i = 0; i < row.size(); i++) {
        String style = heads.get(i).startsWith(">") ? "n" : i == 0 ? "name" : "";
        body.append(style.isEmpty() ? "<td>" : "<td class=\"" + style + "\">")
            .append(escaped(row.get(i))).append("</td>");
      }
      body.append("</tr>\n");
    }
    body.append("</tbody>\n</table></div>\n");
  }

  void write(Path path) {
    try {
      Files.writeString(path, text());
    } catch (IOException refused) {
      throw new FormatException(
          ErrorCode.FILE_IO,
          path + ": the report can't be written: " + refused.getMessage(),
          -1,
          "",
          refused);
    }
  }

  private String text() throws IOException {
    return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>"
        + escaped(title) + "</title>\n<style>\n" + resource(STYLE) + "</style>\n</head>\n<body>\n"
        + body + "<script>\n" + resource(SCRIPT) + "</script>\n</body>\n</html>\n";
  }

  private static String resource(String name) throws IOException {
    try (InputStream in = HtmlPage.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IOException(name + " is missing in the jar");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        .replace("\"", "&quot;");
  }
}
