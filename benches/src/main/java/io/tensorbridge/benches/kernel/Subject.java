package io.tensorbridge.benches.kernel;

import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.Quantizer;
import io.tensorbridge.quantize.UniformScheme;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** What a JVM measures, and nothing else. */
sealed interface Subject {
  /** The group of its benchmarks. */
  String group();

  /** What is measured of it. */
  List<Operation> operations();

  /** For people and files: {@code q8_0_vector}. */
  String label();

  /** A scheme with one of its twins. */
  record Kernel(QuantScheme scheme, Twin twin) implements Subject {
    @Override
    public String group() {
      return "kernels_" + schemeName();
    }

    @Override
    public List<Operation> operations() {
      return List.of(Operation.QUANTIZE, Operation.DEQUANTIZE);
    }

    @Override
    public String label() {
      return schemeName() + "_" + twin;
    }

    private String schemeName() {
      return scheme instanceof UniformScheme uniform
          ? "uniform_" + uniform.bits() + "bit_" + uniform.group()
          : scheme.toString().replaceAll("[^a-z0-9]+", "_");
    }
  }

  /** The limits of the machine. */
  record Bounds() implements Subject {
    @Override
    public String group() {
      return "kernels_bounds";
    }

    @Override
    public List<Operation> operations() {
      return List.of(Operation.COPY, Operation.READ);
    }

    @Override
    public String label() {
      return "bounds";
    }
  }

  /** Which of a kernel's implementations. */
  enum Twin {
    /** Plain Java, which the compiler vectorizes as it can. */
    SCALAR,
    /** The Vector API. */
    VECTOR;

    /** In names, and as {@link io.tensorbridge.quantize.internal.kernel.KernelPolicy} reads it. */
    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** What is measured besides each family with its usual options. */
  List<String> VARIANTS =
      List.of(
          "uniform:bits=2,group=128",
          "uniform:bits=4,group=128",
          "uniform:bits=8,group=128",
          "uniform:bits=8,group=row",
          "uniform:bits=8,group=tensor",
          "int8:rule=compressed-tensors",
          "int4:group=32,sym=true",
          "int4:bits=8,group=32,sym=true",
          "int4:layout=compressed-tensors",
          "fp8_e4m3:scale=tensor",
          "fp8_e4m3:scale=row",
          "fp8_e4m3:scale=block",
          "mxfp4:layout=ocp",
          "nvfp4:layout=two-level");

  /** The bounds, and each scheme of the quantizer with its twins; f32 is a copy. */
  static List<Subject> all() {
    List<Subject> all = new ArrayList<>();
    all.add(new Bounds());
    Stream.concat(
        QuantScheme.knownFamilies()
            .stream()
            .filter(family -> !family.equals("f32") && !family.equals("uniform")),
        VARIANTS.stream())
        .map(QuantScheme::parse)
        .forEach(
            scheme -> {
              all.add(new Kernel(scheme, Twin.SCALAR));
              if (Quantizer.of(scheme).hasVectorKernels()) {
                all.add(new Kernel(scheme, Twin.VECTOR));
              }
            });
    return List.copyOf(all);
  }
}
