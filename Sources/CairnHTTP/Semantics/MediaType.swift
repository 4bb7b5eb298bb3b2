// MediaType — what a blob probably is, by the end of its key, for those that were stored without saying.
//
// Types are those that IANA has registered, where there is one that browsers know. Source texts are plain
// texts: a browser shows them. No charset is guessed. Whoever wants another type stores it. The table is
// searched from the front, for answers to blobs without a type only. No allocation. Pure.

internal import CairnSystem

/// Types by the extension of a key.
package enum MediaType {
    /// Of a blob of which nothing is known.
    package static let unknown: StaticString = "application/octet-stream"

    /// The type by what is behind the last dot of the key's last part, in capitals or not; nil: there is nothing
    /// to guess it by. A dot that begins the name begins no extension.
    package static func guessed(fromKey key: RawSpan) -> StaticString? {
        var start = key.byteCount
        while start > 0, isExtensionByte(key.byte(at: start - 1)) { start -= 1 }
        guard start > 1, key.byte(at: start - 1) == UInt8(ascii: "."),
            key.byte(at: start - 2) != UInt8(ascii: "/")
        else { return nil }
        return known(key.extracting(start..<key.byteCount))
    }

    private static func isExtensionByte(_ byte: UInt8) -> Bool {
        byte != UInt8(ascii: ".") && byte != UInt8(ascii: "/")
    }

    private static func known(_ name: RawSpan) -> StaticString? {
        for place in table.indices where name.equalsIgnoringCase(table[place].name) {
            return table[place].type
        }
        return nil
    }

    /// How many extensions are known.
    package static var extensionCount: Int { table.count }

    /// Commonest first.
    private static let table: [Row] = [
        // Images
        Row("jpg", "image/jpeg"), Row("png", "image/png"), Row("jpeg", "image/jpeg"),
        Row("gif", "image/gif"), Row("webp", "image/webp"), Row("svg", "image/svg+xml"),
        Row("avif", "image/avif"), Row("heic", "image/heic"), Row("heif", "image/heif"),
        Row("bmp", "image/bmp"), Row("tif", "image/tiff"), Row("tiff", "image/tiff"),
        Row("ico", "image/vnd.microsoft.icon"), Row("jxl", "image/jxl"), Row("apng", "image/apng"),
        // Video
        Row("mp4", "video/mp4"), Row("m4v", "video/mp4"), Row("webm", "video/webm"),
        Row("mov", "video/quicktime"), Row("mkv", "video/matroska"), Row("avi", "video/vnd.avi"),
        Row("mpg", "video/mpeg"), Row("mpeg", "video/mpeg"), Row("ogv", "video/ogg"),
        Row("ts", "video/mp2t"), Row("3gp", "video/3gpp"),
        // Audio
        Row("mp3", "audio/mpeg"), Row("m4a", "audio/mp4"), Row("aac", "audio/aac"),
        Row("wav", "audio/wav"), Row("ogg", "audio/ogg"), Row("opus", "audio/ogg"),
        Row("flac", "audio/flac"), Row("mid", "audio/midi"),
        // Text and data
        Row("txt", "text/plain"), Row("log", "text/plain"), Row("csv", "text/csv"),
        Row("tsv", "text/tab-separated-values"), Row("md", "text/markdown"),
        Row("json", "application/json"), Row("jsonl", "application/jsonl"),
        Row("xml", "application/xml"), Row("yaml", "application/yaml"),
        Row("yml", "application/yaml"), Row("toml", "application/toml"),
        Row("ics", "text/calendar"), Row("vcf", "text/vcard"),
        // Web
        Row("html", "text/html"), Row("htm", "text/html"), Row("css", "text/css"),
        Row("js", "text/javascript"), Row("mjs", "text/javascript"),
        Row("wasm", "application/wasm"), Row("webmanifest", "application/manifest+json"),
        Row("m3u8", "application/vnd.apple.mpegurl"), Row("mpd", "application/dash+xml"),
        // Archives
        Row("zip", "application/zip"), Row("gz", "application/gzip"),
        Row("tgz", "application/gzip"),
        Row("tar", "application/x-tar"), Row("zst", "application/zstd"),
        Row("bz2", "application/x-bzip2"), Row("xz", "application/x-xz"),
        Row("7z", "application/x-7z-compressed"), Row("rar", "application/vnd.rar"),
        Row("jar", "application/java-archive"),
        // Fonts
        Row("woff2", "font/woff2"), Row("woff", "font/woff"), Row("ttf", "font/ttf"),
        Row("otf", "font/otf"),
        // Office
        Row("pdf", "application/pdf"), Row("epub", "application/epub+zip"),
        Row("rtf", "application/rtf"), Row("doc", "application/msword"),
        Row("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        Row("xls", "application/vnd.ms-excel"),
        Row("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        Row("ppt", "application/vnd.ms-powerpoint"),
        Row("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
        Row("odt", "application/vnd.oasis.opendocument.text"),
        Row("ods", "application/vnd.oasis.opendocument.spreadsheet"),
        Row("odp", "application/vnd.oasis.opendocument.presentation"),
        // Source
        Row("swift", "text/plain"), Row("c", "text/plain"), Row("h", "text/plain"),
        Row("cpp", "text/plain"), Row("py", "text/plain"), Row("go", "text/plain"),
        Row("rs", "text/plain"), Row("java", "text/plain"), Row("sh", "text/plain"),
        Row("sql", "application/sql"),
    ]

    private struct Row {
        let name: StaticString
        let type: StaticString

        init(_ name: StaticString, _ type: StaticString) {
            self.name = name
            self.type = type
        }
    }
}
