package io.tensorbridge.quantize.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.quantize.NamePattern;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NamePatternTest {
  /** What users write for llama.cpp's {@code --tensor-type}, transformers, PEFT and Java. */
  @ParameterizedTest
  @CsvSource(
      delimiter = ' ',
      value = {
          "blk\\.([0-9]|1[0-5])\\.ffn_down\\.weight blk.12.ffn_down.weight blk.16.ffn_down.weight",
          ".*\\.(\\d+)\\.attn_(q|k)\\..* blk.3.attn_k.weight blk.3.attn_v.weight",
          ".*(?:ffn|mlp).* model.layers.0.mlp.up_proj.weight model.layers.0.norm.weight",
          "(?i).*LM_HEAD.* lm_head.weight lm_body.weight",
          "[^.]+\\.weight head.weight a.head.weight",
          ".*\\bq_proj\\b.* layers.0.q_proj.weight layers.0.eq_proj.weight",
          "blk\\.\\d{1,2}\\.\\w+\\.weight$ blk.10.attn_q.weight blk.100.attn_q.weight",
          "^output.*? output.weight token.output"
      })
  void theSyntaxThatUsersNeedWorks(String pattern, String matching, String other) {
    assertThat(NamePattern.of(pattern).matches(matching)).isTrue();
    assertThat(NamePattern.of(pattern).matches(other)).isFalse();
  }

  /** Each takes java.util.regex longer than anybody lives. */
  @ParameterizedTest
  @ValueSource(
      strings = {"(a+)+b", "(a|a)*b", "(.*.*)*b", "(a*)*(a*)*(a*)*b", "([a-z]+)*\\.weight",
          "(a|aa)+b"})
  @Timeout(20)
  void noPatternTakesForEver(String pattern) {
    assertThat(NamePattern.of(pattern).matches("a".repeat(5000))).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
          "(", "[a", "a**", "(?=a).*", "(?<!a)b", "(a)\\1", "a*+", "(x{1000}){1000}",
          "((((){1000}){1000}){1000}){1000}", "(((a{100}){100}){100}){100}", ".{1000}.{1000}",
          "(){2147483647}"
      })
  @Timeout(20)
  void whatIsMalformedOrTooLargeIsRefusedByItsName(String pattern) {
    assertThatThrownBy(() -> SchemeOverride.of(pattern, "q8_0"))
        .isInstanceOfSatisfying(
            OptionException.class,
            refused -> assertThat(refused.code()).isEqualTo(ErrorCode.BAD_OPTION))
        .hasMessageContaining('"' + pattern + '"');
    assertThatThrownBy(() -> SkipList.of(List.of(pattern), true))
        .isInstanceOf(OptionException.class)
        .hasMessageContaining('"' + pattern + '"');
  }

  @Test
  void whoLooksAheadLearnsWhatToDoInstead() {
    assertThatThrownBy(() -> SchemeOverride.of("(?!.*lm_head).*", "q8_0"))
        .hasMessageContaining("put the exceptions first");
  }

  @Test
  void longPatternsAreRefused() {
    assertThatThrownBy(() -> NamePattern.of("a".repeat(2001))).hasMessageContaining("2001");
    assertThat(NamePattern.of("a".repeat(1500)).matches("a".repeat(1500))).isTrue();
  }
}
