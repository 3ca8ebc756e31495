package io.tensorbridge.benches;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("style")
class PeerLibrariesTest {

  @Test
  void arrowAndFlightStayWithThePeers() {
    noClasses()
        .that()
        .resideOutsideOfPackage("io.tensorbridge.benches.peer")
        .should()
        .dependOnClassesThat(resideInAnyPackage("org.apache.arrow..", "io.netty..", "io.grpc.."))
        .check(
            new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages("io.tensorbridge.benches"));
  }
}
