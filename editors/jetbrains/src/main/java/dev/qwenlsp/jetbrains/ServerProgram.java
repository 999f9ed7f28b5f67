package dev.qwenlsp.jetbrains;

import com.intellij.openapi.application.PathManager;
import com.intellij.openapi.util.SystemInfo;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** Where the server is: as set, on PATH, or in an environment of our own that can be made. */
final class ServerProgram {
    private static final String NAME = SystemInfo.isWindows ? "qwen-lsp.exe" : "qwen-lsp";
    private static final List<String> PYTHONS = SystemInfo.isWindows ? List.of("py", "python") : List.of("python3", "python");

    private ServerProgram() {}

    static Optional<String> find() {
        if (!QwenSettings.program().isBlank()) {
            return Optional.of(QwenSettings.program());
        }
        return onPath(NAME).or(() -> Optional.of(own()).filter(Files::isExecutable).map(Path::toString));
    }

    private static Optional<String> onPath(String name) {
        String path = Optional.ofNullable(System.getenv("PATH")).orElse("");
        for (String folder : path.split(File.pathSeparator)) {
            Path candidate = Path.of(folder.isEmpty() ? "." : folder, name);
            if (Files.isExecutable(candidate) && Files.isRegularFile(candidate)) {
                return Optional.of(candidate.toString());
            }
        }
        return Optional.empty();
    }

    private static Path environment() {
        return Path.of(PathManager.getSystemPath(), "qwen-lsp", "venv");
    }

    private static Path own() {
        return environment().resolve(SystemInfo.isWindows ? "Scripts" : "bin").resolve(NAME);
    }

    /** Make the environment and install the package; each line of output goes to `log`. */
    static void install(Consumer<String> log) throws IOException, InterruptedException {
        String python = PYTHONS.stream().map(ServerProgram::onPythonPath).flatMap(Optional::stream).findFirst()
                .orElseThrow(() -> new IOException(Texts.get("install.noPython")));
        run(log, python, "-m", "venv", environment().toString());
        String ownPython = own().resolveSibling(SystemInfo.isWindows ? "python.exe" : "python").toString();
        run(log, ownPython, "-m", "pip", "install", "--upgrade", "qwen-lsp");
    }

    private static Optional<String> onPythonPath(String name) {
        return onPath(SystemInfo.isWindows ? name + ".exe" : name);
    }

    private static void run(Consumer<String> log, String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String last = "";
        try (var lines = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                last = line;
                log.accept(line);
            }
        }
        if (process.waitFor() != 0) {
            throw new IOException(Texts.get("install.failed", String.join(" ", command), last));
        }
    }
}
