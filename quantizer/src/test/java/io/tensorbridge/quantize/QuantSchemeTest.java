package io.tensorbridge.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorException;
import io.tensorbridge.op.OutputSpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class QuantSchemeTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
          "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "mxfp4", "nvfp4", "f32", "f16", "bf16",
          "uniform:bits=4,group=tensor", "uniform:bits=2,group=256",
          "uniform:bits=8,group=row,sym=true", "uniform:bits=4,time=10",
          "uniform:bits=2,time=20,sym=true", "uniform:bits=4,group=128,spatial=true",
          "uniform:bits=8,group=tensor,sym=true,spatial=true", "int8", "int8:rule=quanto", "nf4",
          "fp4:block=4096,double=true", "int4", "int4:bits=8,group=16,sym=true",
          "int4:layout=compressed-tensors,group=row,sym=false", "hqq", "hqq:bits=2,group=32"
      })
  void canonicalTextReadsBackAsItself(String text) {
    assertThat(QuantScheme.parse(text)).hasToString(text);
  }

  @Test
  void caseSpaceAndDefaultsDoNotMatter() {
    assertThat(QuantScheme.parse(" Q8_0 ")).isEqualTo(BlockScheme.Q8_0);
    assertThat(QuantScheme.parse("UNIFORM"))
        .isEqualTo(new UniformScheme(4, UniformScheme.Group.TENSOR, false));
    assertThat(QuantScheme.parse("uniform: Group=32 , SYM=false"))
        .hasToString("uniform:bits=4,group=32");
  }

  @Test
  void anUnknownSchemeIsRefusedWithTheKnownOnes() {
    assertThatThrownBy(() -> QuantScheme.parse("q9_9"))
        .isInstanceOf(OptionException.class)
        .hasMessage(
            "scheme \"q9_9\" is unknown; known are "
                + String.join(", ", QuantScheme.knownFamilies()))
        .hasMessageContainingAll("uniform", "q8_0", "q4_1", "nvfp4", "bf16")
        .extracting(failure -> ((OptionException) failure).code())
        .isEqualTo(ErrorCode.UNKNOWN_SCHEME);
  }

  @Test
  void optionsOfAFamilyAreTold() {
    assertThat(QuantScheme.optionsOf("uniform")).startsWith("bits=2|4|8");
    assertThat(QuantScheme.optionsOf("int8"))
        .containsExactly("rule=bnb|torchao|compressed-tensors|quanto");
    assertThat(QuantScheme.optionsOf("q8_0")).isEmpty();
    assertThat(QuantScheme.optionsOf("q9_9")).isEmpty();
  }

  @Test
  void whatNeedsActivationsIsRefusedWithTheReason() {
    assertThatThrownBy(() -> QuantScheme.parse("gptq:bits=4"))
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("needs activations to be made; its checkpoints can be read");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
          "uniform:bits=3", "uniform:bits=", "uniform:group=33", "uniform:sym=1", "uniform:bits",
          "uniform:bits=4,bits=4", "uniform:time=0", "uniform:time=65537", "uniform:time=-1",
          "uniform:time=10,group=32", "uniform:time=10,spatial=true", "uniform:spatial=yes",
          "uniform:levels=16", "uniform:bits=4,", "q8_0:bits=8",
          "fp8_e4m3:scale=column", "mxfp8:element=e2m1", "mxint8:rounding=floor",
          "mxfp4:rounding=even", "nvfp4:layout=ocp", "hqq:bits=3", "hqq:group=256"
      })
  void aBadOptionIsRefused(String text) {
    assertThatThrownBy(() -> QuantScheme.parse(text))
        .isInstanceOf(OptionException.class)
        .extracting(failure -> ((OptionException) failure).code())
        .isEqualTo(ErrorCode.BAD_OPTION);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
          "q8_0 | 8.5", "q4_0 | 4.5", "q4_1 | 5", "q5_0 | 5.5", "q5_1 | 6", "mxfp4 | 4.25",
          "nvfp4 | 4.5", "f16 | 16", "fp8_e5m2 | 8", "mxfp8 | 8.25", "mxfp4:layout=ocp | 4.25",
          "fp8_e4m3:scale=row | 8.1", "uniform:bits=4,group=32 | 6"
      })
  void bitsPerWeightCountsAllParts(String scheme, double bits) {
    assertThat(QuantScheme.parse(scheme).bitsPerWeight(Shape.of(64, 320))).isEqualTo(bits);
  }

  @Test
  void aConvolutionIsSeenWithOneRowForEachOutputChannel() {
    assertThat(BlockScheme.Q8_0.fits(Shape.of(320, 4, 3, 3))).isFalse();
    assertThat(BlockScheme.Q8_0.fits(Shape.of(320, 32, 3, 3))).isTrue();
    assertThat(QuantScheme.parse("uniform:group=row").parts(Shape.of(320, 4, 3, 3)))
        .extracting(OutputSpec::toString)
        .containsExactly(
            "OutputSpec[name=data, type=uint8(5760,)]",
            "OutputSpec[name=scales, type=float32(320,)]",
            "OutputSpec[name=zero_points, type=float32(320,)]");
  }

  @Test
  void symmetricSchemesHaveNoZeroPoints() {
    assertThat(QuantScheme.parse("uniform:sym=true,group=64").parts(Shape.of(2, 65)))
        .extracting(part -> part.name() + part.type().shape())
        .containsExactly("data(65,)", "scales(2, 2)");
  }

  @Test
  void aRowThatDoesNotDivideIsRefusedWithTheSchemesThatFit() {
    assertThatThrownBy(() -> BlockScheme.Q4_0.parts(Shape.of(4, 33)))
        .isInstanceOf(TensorException.class)
        .hasMessage(
            "a row of 33 elements (shape (4, 33)) does not divide into q4_0 blocks of 32;"
                + " schemes that fit: uniform, f32, f16, bf16, fp8_e4m3, fp8_e5m2");
  }

  @Test
  void emptyTensorsHaveEmptyParts() {
    Shape huge = Shape.of(0, 1L << 40, 1L << 40);
    for (String family : QuantScheme.knownFamilies()) {
      assertThat(QuantScheme.parse(family).byteLength(huge)).isZero();
      assertThat(QuantScheme.parse(family).parts(huge).getFirst().type().dtype())
          .isEqualTo(DType.U8);
    }
  }
}
