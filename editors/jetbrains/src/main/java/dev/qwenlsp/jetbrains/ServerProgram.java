package dev.qwenlsp.jetbrains;

import com.intellij.openapi.application.PathManager;
import com.intellij.openapi.util.SystemInfo;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
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
            if (folder.isEmpty()) {
                continue; // the folder that the IDE happens to run in
            }
            Path candidate = Path.of(folder, name);
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

    /** Make the environment and install the wheel of this plugin; nothing half-installed stays. Output goes to `log`. */
    static void install(Consumer<String> log) throws IOException, InterruptedException {
        String python = PYTHONS.stream().map(ServerProgram::onPythonPath).flatMap(Optional::stream)
                .filter(ServerProgram::isNewEnough).findFirst()
                .orElseThrow(() -> new IOException(Texts.get("install.noPython")));
        Path wheel = wheel();
        boolean isDone = false;
        try {
            run(log, python, "-m", "venv", "--clear", environment().toString());
            String ownPython = own().resolveSibling(SystemInfo.isWindows ? "python.exe" : "python").toString();
            run(log, ownPython, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", wheel.toString());
            isDone = true;
        } finally {
            delete(wheel.getParent());
            if (!isDone) {
                delete(environment());
            }
        }
    }

    /** Download the model that suits this machine, unless there is one; `qwen-lsp` decides which. */
    static void pullModel(Consumer<String> log) throws IOException, InterruptedException {
        run(log, find().orElseThrow(() -> new IOException(Texts.get("noServer"))), "models", "pull");
    }

    /** Whether the server has no model: neither one of its own nor one that the settings name. */
    static boolean needsModel() throws InterruptedException {
        if (find().isEmpty()) {
            return false;
        }
        try {
            run(line -> {}, find().get(), "models", "path");
            return false;
        } catch (IOException error) {
            return true;
        }
    }

    /** The plugin's wheel, as a file that pip can read. */
    private static Path wheel() throws IOException {
        try (InputStream name = ServerProgram.class.getResourceAsStream("/server/wheel.txt")) {
            if (name == null) {
                throw new IOException(Texts.get("install.noWheel"));
            }
            Path file = Files.createTempDirectory("qwen-lsp").resolve(new String(name.readAllBytes(), StandardCharsets.UTF_8).trim());
            try (InputStream data = ServerProgram.class.getResourceAsStream("/server/" + file.getFileName())) {
                Files.copy(data, file);
            }
            return file;
        }
    }

    private static boolean isNewEnough(String python) {
        try {
            run(line -> {}, python, "-c", "import sys, venv; sys.exit(sys.version_info < (3, 11))");
            return true;
        } catch (IOException error) {
            return false;
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private static void delete(Path folder) throws IOException {
        if (Files.exists(folder)) {
            try (var files = Files.walk(folder)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.deleteIfExists(file);
                }
            }
        }
    }

    private static Optional<String> onPythonPath(String name) {
        return onPath(SystemInfo.isWindows ? name + ".exe" : name);
    }

    static void run(Consumer<String> log, String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        boolean isPip = List.of(command).contains("pip");
        String last = "", reason = null;
        try (var lines = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                last = line;
                reason = reason == null && isPip ? reasonIn(line) : reason;
                log.accept(line); // throws where the user has cancelled
            }
            if (process.waitFor() != 0) {
                throw new IOException(reason != null ? Texts.get(reason) : Texts.get("install.failed", String.join(" ", command), last));
            }
        } finally {
            process.descendants().forEach(ProcessHandle::destroy);
            process.destroy();
        }
    }

    /** What a line of pip says is wrong, where something can be done about it; its last line says that there is no such package. */
    static String reasonIn(String line) {
        String text = line.toLowerCase(Locale.ROOT);
        if (text.contains("no space left on device") || text.contains("not enough space")) {
            return "install.noSpace";
        }
        if (text.contains("proxyerror") || text.contains("cannot connect to proxy") || text.contains("tunnel connection failed")) {
            return "install.proxy";
        }
        boolean isOffline = text.contains("name resolution") || text.contains("name or service not known")
                || text.contains("network is unreachable") || text.contains("connection refused") || text.contains("newconnectionerror");
        return isOffline ? "install.offline" : null;
    }
}
