// The description of the server: nothing that it has is missing, and what stands there is what it does.

import Cairn
import CairnHTTP
import CairnServer
import CairnTestSupport
import CairnText
import Testing

@Suite("OpenAPI document")
struct OpenAPITests {
    private let served: ServedStore
    private let document: OpenAPIDocument

    init() throws {
        served = try ServedStore.prompt()
        document = try OpenAPIDocument(try served.request("GET", "/openapi.json").body)
    }

    @Test("it is served as JSON, of the version of OpenAPI that it says, and of this server")
    func form() throws {
        let answer = try served.request("GET", "/openapi.json")
        #expect(answer.status == 200 && answer.field("Content-Type") == "application/json")
        #expect(document.root["openapi"]?.string == "3.1.0")
        #expect(document.root["info"]?.object?["version"]?.string == Version.text)
        let references = OpenAPIDocument.references(in: .object(document.root))
        #expect(references.count > 100)
        for reference in references { _ = try document.resolved(reference) }
        let identifiers = try document.operations.map { $0.object["operationId"]?.string }
        #expect(Set(identifiers).count == identifiers.count && !identifiers.contains(nil))
    }

    @Test("it has the paths and the methods that the server knows, and no others")
    func resources() throws {
        #expect(try Set(document.paths.names) == Set(Resource.allCases.map(\.path)))
        for resource in Resource.allCases {
            let operations = try document.operations.filter { $0.path == resource.path }
            let methods = Set(operations.map(\.method))
            let target = try #require(operations.first { $0.method == "OPTIONS" }).target
            let allowed = try #require(try served.request("OPTIONS", target).field("Allow"))
            #expect(allowed == "\(resource.methods)", "\(resource.path)")
            #expect(Set(allowed.split(separator: ", ").map(String.init)) == methods, "\(target)")
            for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"] {
                let client = try served.client()
                try client.send(method, target)
                let status = try client.answer(hasBody: method != "HEAD").status
                #expect((status == 405) == !methods.contains(method), "\(method) \(target)")
            }
        }
    }

    @Test("every problem and every refusal is described, and nothing that there is not")
    func problems() throws {
        let schemas = try #require(document.root["components"]?.object?["schemas"]?.object)
        let properties = try #require(schemas["Problem"]?.object?["properties"]?.object)
        let types = (properties["type"]?.object?["enum"]?.array ?? []).compactMap(\.string)
        #expect(Set(types) == Set(Problem.Kind.allCases.map { "urn:cairn:\($0.rawValue)" }))
        let known =
            Problem.Kind.allCases.map { Problem($0, "").status }
            + Refusal.allCases.map { Problem($0).status }
        let described = try document.operations.flatMap { try $0.responses.names }
            .compactMap { UInt16($0) }.filter { $0 >= 400 }
        #expect(Set(described) == Set(known))
    }

    @Test(
        "a request made from each description gets an answer that stands there",
        arguments: [false, true])
    func answers(isThere: Bool) throws {
        for operation in try document.operations {
            for body in try operation.bodies {
                if isThere {
                    try served.put("photos/1.jpg", [1, 2, 3])
                } else {
                    try served.request("DELETE", "/store/photos/1.jpg")
                }
                let fields = body.type.map { ["Content-Type: \($0)"] } ?? []
                let answer = try served.request(
                    operation.method, try operation.target, fields, body: body.bytes)
                try expectDescribed(answer, operation)
                let mayFail =
                    (isThere ? operation.isCreating : operation.isReading)
                    || operation.isBeginning && answer.status == 409
                #expect(
                    answer.status < 300 || mayFail,
                    "\(operation.name): \(answer.status) \(answer.text)")
            }
        }
    }

    private func expectDescribed(_ answer: HTTPAnswer, _ operation: OpenAPIOperation) throws {
        let name = "\(operation.name): \(answer.status)"
        guard let value = try operation.responses["\(answer.status)"] else {
            Issue.record("\(name) is not described")
            return
        }
        let response = try document.resolved(value)
        let types = response["content"]?.object?.names ?? []
        let type = answer.field("Content-Type")?.prefix { $0 != ";" }
        if let type {
            #expect(types.contains(String(type)) || types.contains("*/*"), "\(name): \(type)")
        } else {
            #expect(types.isEmpty && answer.body.isEmpty, "\(name)")
        }
        let headers = response["headers"]?.object
        for header in headers?.names ?? [] {
            let isRequired = try document.resolved(headers?[header])["required"]?.bool == true
            #expect(!isRequired || answer.field(header) != nil, "\(name): \(header)")
        }
    }
}

extension OpenAPIOperation {
    /// Whether it wants that there is no blob.
    fileprivate var isCreating: Bool { name == "POST /store/{key}" }

    /// Whether it may have to wait for what it began before.
    fileprivate var isBeginning: Bool { name == "POST /admin/{job}" }

    /// Whether it wants that there is one.
    fileprivate var isReading: Bool {
        ["/store/{key}", "/file", "/blob/{key}", "/get/{key}"].contains(path)
            && ["GET", "HEAD", "DELETE"].contains(method)
    }
}
