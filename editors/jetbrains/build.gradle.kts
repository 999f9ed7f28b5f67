// Needs the internet: JetBrains' repository has the platform, the Marketplace has LSP4IJ.
import org.jetbrains.intellij.platform.gradle.IntelliJPlatformType

plugins {
    java
    id("org.jetbrains.intellij.platform") version "2.10.0"
}

group = "dev.qwenlsp"
version = "0.1.0"

repositories {
    mavenCentral()
    intellijPlatform { defaultRepositories() }
}

dependencies {
    intellijPlatform {
        create(IntelliJPlatformType.IntellijIdeaCommunity, "2024.2")
        plugin("com.redhat.devtools.lsp4ij", "0.20.1")
        pluginVerifier()
    }
    // LSP4IJ brings it at run time; two copies would not know each other.
    compileOnly("org.eclipse.lsp4j:org.eclipse.lsp4j:1.0.0")
}

java { toolchain { languageVersion = JavaLanguageVersion.of(21) } }

tasks.withType<JavaCompile> { options.release = 17 }

intellijPlatform {
    pluginConfiguration { ideaVersion { sinceBuild = "242" } }
    pluginVerification { ides { recommended() } }
}
