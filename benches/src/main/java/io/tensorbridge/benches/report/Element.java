package io.tensorbridge.benches.report;

import java.util.List;
import java.util.Set;

/**
 * An HTML element under construction. Whatever enters as text or attribute is escaped here and only
 * here; {@link #verbatim} is for this package's own resources.
 */
final class Element {
  private static final Set<String> VOID = Set.of("input", "meta");

  private final String name;
  private final StringBuilder attributes = new StringBuilder();
  private final StringBuilder content = new StringBuilder();

  private Element(String name) {
    this.name = name;
  }

  static Element element(String name) {
    return new Element(name);
  }

  static Element element(String name, String styleClass) {
    return new Element(name).with("class", styleClass);
  }

  static Element link(String target, String text) {
    return new Element("a").with("href", "#" + target).text(text);
  }

  Element with(String attribute, String value) {
    attributes.append(' ').append(attribute).append("=\"").append(escape(value)).append('"');
    return this;
  }

  Element text(String text) {
    content.append(escape(text));
    return this;
  }

  Element add(Element... children) {
    return add(List.of(children));
  }

  Element add(List<Element> children) {
    children.forEach(child -> child.writeTo(content));
    return this;
  }

  Element verbatim(String markup) {
    content.append(markup);
    return this;
  }

  private void writeTo(StringBuilder out) {
    out.append('<').append(name).append(attributes).append('>');
    if (!VOID.contains(name)) {
      out.append(content).append("</").append(name).append('>');
    }
  }

  @Override
  public String toString() {
    StringBuilder out = new StringBuilder();
    writeTo(out);
    return out.toString();
  }

  private static String escape(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;")
        .replace("'", "&#39;");
  }
}
