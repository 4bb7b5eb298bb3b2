// OpenAPIDocument — the description of the server, read as a client would that makes requests from it.

import CairnSystem
import CairnTestSupport
import CairnText
import Testing

/// A document that a server gave.
struct OpenAPIDocument {
    let root: JSONObject

    init(_ bytes: [UInt8]) throws {
        let limits = JSONLimits(byteCountMaximum: 1 << 20, depthMaximum: 32)
        root = try #require(try JSONValue(reading: bytes.rawSpan, limits: limits).object)
    }

    var paths: JSONObject {
        get throws { try #require(root["paths"]?.object) }
    }

    /// What a value says, or what it refers to.
    func resolved(_ value: JSONValue?) throws -> JSONObject {
        let object = try #require(value?.object)
        guard let reference = object["$ref"]?.string else { return object }
        try #require(reference.hasPrefix("#/"), "\(reference)")
        var found = root
        for name in reference.dropFirst(2).split(separator: "/") {
            found = try #require(found[String(name)]?.object, "\(reference) leads nowhere")
        }
        return found
    }

    /// All of them, in the order of the document.
    var operations: [OpenAPIOperation] {
        get throws {
            let paths = try paths
            return try paths.names.flatMap { path in
                let item = try #require(paths[path]?.object)
                let shared = item["parameters"]?.array ?? []
                return try item.names.filter { $0 != "parameters" }.map { method in
                    let object = try #require(item[method]?.object)
                    let parameters = shared + (object["parameters"]?.array ?? [])
                    return OpenAPIOperation(
                        path: path, method: method.uppercased(), object: object,
                        parameters: try parameters.map { try resolved($0) })
                }
            }
        }
    }

    /// Every reference in a value, where it is.
    static func references(in value: JSONValue) -> [JSONValue] {
        switch value {
        case .array(let values): values.flatMap { references(in: $0) }
        case .object(let object) where object["$ref"] != nil: [value]
        case .object(let object): object.values.flatMap { references(in: $0) }
        default: []
        }
    }
}

/// A method of a path.
struct OpenAPIOperation {
    let path: String
    let method: String
    let object: JSONObject
    let parameters: [JSONObject]

    var name: String { "\(method) \(path)" }

    var responses: JSONObject {
        get throws { try #require(object["responses"]?.object, "\(name)") }
    }

    /// What is required stands in it, as the examples have it.
    var target: String {
        get throws {
            var (target, query) = (path, [String]())
            for parameter in parameters where parameter["required"]?.bool == true {
                let parameterName = try #require(parameter["name"]?.string)
                let example = try #require(
                    parameter["example"]?.string, "\(name): \(parameterName)")
                if parameter["in"]?.string == "path" {
                    target = target.replacing("{\(parameterName)}", with: example)
                } else {
                    query.append("\(parameterName)=\(example)")
                }
            }
            return query.isEmpty ? target : target + "?" + query.joined(separator: "&")
        }
    }

    /// A body of each kind that it takes, with its type; one that is none when it takes none.
    var bodies: [(type: String?, bytes: [UInt8])] {
        get throws {
            guard let body = object["requestBody"]?.object else { return [(nil, [])] }
            let content = try #require(body["content"]?.object)
            return try content.names.map { type in
                let example = try #require(content[type]?.object?["example"], "\(name): \(type)")
                switch type {
                case "multipart/form-data":
                    let form = try #require(example.object)
                    let parts = zip(form.names, form.values).map { name, value in
                        "--B\r\nContent-Disposition: form-data; name=\"\(name)\"; "
                            + "filename=\"photos/1.jpg\"\r\n\r\n\(value.string ?? "")\r\n"
                    }
                    return (type + "; boundary=B", Array((parts.joined() + "--B--\r\n").utf8))
                case "application/json":
                    var json = JSONWriter.object
                    json.name("value")
                    json.write(example)
                    json.endObject()
                    // What stands between the name and the end.
                    return (type, Array(json.bytes.dropFirst(#"{"value":"#.utf8.count).dropLast()))
                default:
                    return (
                        type == "*/*" ? "text/plain" : type, Array((example.string ?? "").utf8)
                    )
                }
            }
        }
    }
}

extension JSONWriter {
    /// Writes a value of the kinds that examples are made of.
    fileprivate mutating func write(_ value: JSONValue) {
        switch value {
        case .string(let text): string(text)
        case .bool(let value): bool(value)
        case .array(let values):
            beginArray()
            for value in values { write(value) }
            endArray()
        case .object(let object):
            beginObject()
            for (name, value) in zip(object.names, object.values) {
                self.name(name)
                write(value)
            }
            endObject()
        case .null, .number: Issue.record("no example has such a value")
        }
    }
}
