// SipHashVectors — published and independently computed SipHash outputs, as hexadecimal bytes.
//
// The key is 00 01 ... 0f and input n is the bytes 00 01 ... of length n. The 2-4 outputs are those
// that the authors publish with their reference code; the 1-3 outputs, over the input and the byte
// 5a behind it, come from OpenSSL's SIPHASH with c-rounds 1 and d-rounds 3.

enum SipHashVectors {
    /// SipHash-2-4 of 64 bits for lengths 0 to 63.
    static let outputs24Of64Bits: [String] = [
        "310e0edd47db6f72", "fd67dc93c539f874", "5a4fa9d909806c0d", "2d7efbd796666785",
        "b7877127e09427cf", "8da699cd64557618", "cee3fe586e46c9cb", "37d1018bf50002ab",
        "6224939a79f5f593", "b0e4a90bdf82009e", "f3b9dd94c5bb5d7a", "a7ad6b22462fb3f4",
        "fbe50e86bc8f1e75", "903d84c02756ea14", "eef27a8e90ca23f7", "e545be4961ca29a1",
        "db9bc2577fcc2a3f", "9447be2cf5e99a69", "9cd38d96f0b3c14b", "bd6179a71dc96dbb",
        "98eea21af25cd6be", "c7673b2eb0cbf2d0", "883ea3e395675393", "c8ce5ccd8c030ca8",
        "94af49f6c650adb8", "eab8858ade92e1bc", "f315bb5bb835d817", "adcf6b0763612e2f",
        "a5c91da7acaa4dde", "716595876650a2a6", "28ef495c53a387ad", "42c341d8fa92d832",
        "ce7cf2722f512771", "e37859f94623f3a7", "381205bb1ab0e012", "ae97a10fd434e015",
        "b4a31508beff4d31", "81396229f0907902", "4d0cf49ee5d4dcca", "5c73336a76d8bf9a",
        "d0a704536ba93e0e", "925958fcd6420cad", "a915c29bc8067318", "952b79f3bc0aa6d4",
        "f21df2e41d4535f9", "87577519048f53a9", "10a56cf5dfcd9adb", "eb75095ccd986cd0",
        "51a9cb9ecba312e6", "96afadfc2ce666c7", "72fe52975a4364ee", "5a1645b276d592a1",
        "b274cb8ebf87870a", "6f9bb4203de7b381", "eaecb2a30b22a87f", "9924a43cc1315724",
        "bd838d3aafbf8db7", "0b1a2a3265d51aea", "135079a3231ce660", "932b2846e4d70666",
        "e1915f5cb1eca46c", "f325965ca16d629f", "575ff28e60381be5", "724506eb4c328a95",
    ]

    /// SipHash-2-4 of 128 bits for lengths 0 to 63.
    static let outputs24Of128Bits: [String] = [
        "a3817f04ba25a8e66df67214c7550293", "da87c1d86b99af44347659119b22fc45",
        "8177228da4a45dc7fca38bdef60affe4", "9c70b60c5267a94e5f33b6b02985ed51",
        "f88164c12d9c8faf7d0f6e7c7bcd5579", "1368875980776f8854527a07690e9627",
        "14eeca338b208613485ea0308fd7a15e", "a1f1ebbed8dbc153c0b84aa61ff08239",
        "3b62a9ba6258f5610f83e264f31497b4", "264499060ad9baabc47f8b02bb6d71ed",
        "00110dc378146956c95447d3f3d0fbba", "0151c568386b6677a2b4dc6f81e5dc18",
        "d626b266905ef35882634df68532c125", "9869e247e9c08b10d029934fc4b952f7",
        "31fcefac66d7de9c7ec7485fe4494902", "5493e99933b0a8117e08ec0f97cfc3d9",
        "6ee2a4ca67b054bbfd3315bf85230577", "473d06e8738db89854c066c47ae47740",
        "a426e5e423bf4885294da481feaef723", "78017731cf65fab074d5208952512eb1",
        "9e25fc833f2290733e9344a5e83839eb", "568e495abe525a218a2214cd3e071d12",
        "4a29b54552d16b9a469c10528eff0aae", "c9d184ddd5a9f5e0cf8ce29a9abf691c",
        "2db479ae78bd50d8882a8a178a6132ad", "8ece5f042d5e447b5051b9eacb8d8f6f",
        "9c0b53b4b3c307e87eaee08678141f66", "abf248af69a6eae4bfd3eb2f129eeb94",
        "0664da1668574b88b935f3027358aef4", "aa4b9dc4bf337de90cd4fd3c467c6ab7",
        "ea5c7f471faf6bde2b1ad7d4686d2287", "2939b0183223fafc1723de4f52c43d35",
        "7c3956ca5eeafc3e363e9d556546eb68", "77c6077146f01c32b6b69d5f4ea9ffcf",
        "37a6986cb8847edf0925f0f1309b54de", "a705f0e69da9a8f907241a2e923c8cc8",
        "3dc47d1f29c448461e9e76ed904f6711", "0d62bf01e6fc0e1a0d3c4751c5d3692b",
        "8c03468bca7c669ee4fd5e084bbee7b5", "528a5bb93baf2c9c4473cce5d0d22bd9",
        "df6a301e95c95dad97ae0cc8c6913bd8", "801189902c857f39e73591285e70b6db",
        "e617346ac9c231bb3650ae34ccca0c5b", "27d93437efb721aa401821dcec5adf89",
        "89237d9ded9c5e78d8b1c9b166cc7342", "4a6d8091bf5e7d651189fa94a250b14c",
        "0e33f96055e7ae893ffc0e3dcf492902", "e61c432b720b19d18ec8d84bdc63151b",
        "f7e5aef549f782cf379055a608269b16", "438d030fd0b7a54fa837f2ad201a6403",
        "a590d3ee4fbf04e3247e0d27f286423f", "5fe2c1a172fe93c4b15cd37caef9f538",
        "2c97325cbd06b36eb2133dd08b3a017c", "92c814227a6bca949ff0659f002ad39e",
        "dce850110bd8328cfbd50841d6911d87", "67f14984c7da791248e32bb5922583da",
        "1938f2cf72d54ee97e94166fa91d2a36", "74481e9646ed49fe0f6224301604698e",
        "57fca5de98a9d6d8006438d0583d8a1d", "9fecde1cefdc1cbed4763674d9575359",
        "e3040c00eb28f15366ca73cbd872e740", "7697009a6a831dfecca91c5993670f7a",
        "5853542321f567a005d547a4f04759bd", "5150d1772f50834a503e069a973fbd7c",
    ]

    /// SipHash-1-3 of 64 bits for lengths 0 to 39 and the suffix 5a.
    static let outputs13Of64BitsWithSuffix: [String] = [
        "7ea9a049033be5d3", "93ed886e4aefe67a", "2c03704a905b8601", "5f11ecd85d882525",
        "be072a72a72cd07a", "201dc0912d25a672", "346dd928b084c1cf", "dfe0d59b2805233a",
        "56216e948da545c4", "54439b92e406f68c", "6120da2c3b7a10a3", "c147da594449e86e",
        "c00920f8d4675017", "b2a5858ff517ba57", "fbc88ba45ef64ba1", "72dec9c146b8db47",
        "14399fcc1088163b", "c6d32bab80bb4c4d", "76f3a8effabf92d3", "2194558a295228a0",
        "e9d89c5cb338aba8", "2d52e96c0d5e8207", "08048ebd8cde03a1", "9aec90b5b5b208ef",
        "bffe653cf6e264ea", "c7866da8f53bb92d", "19f564a70fdbe5a3", "5cbdd23aeadb549b",
        "fbc0edcf47165915", "37faaa85d7e19416", "1edfbd367765dd2b", "a7082f99db7a740e",
        "5a00f15aec74223c", "61693763aeb7f0a2", "d4048268a8f380ef", "9dded2690fa06a86",
        "16e18f9b541833f2", "05d2bf799e93d1c0", "4b4f2bf1bf872d34", "9aa6453f328a8527",
    ]

    /// SipHash-1-3 of 128 bits for lengths 0 to 39 and the suffix 5a.
    static let outputs13Of128BitsWithSuffix: [String] = [
        "3c57d74dea9eeaf63399797a32bc0af3", "d022ce3d751df1371532ad64e54e9581",
        "a8f039c8f7fb5300ddbede3bb74e7b14", "744e9ea876d01ed4d9a146d61d1401e1",
        "dcc1caa0d8259a44630f3d655f0c37a9", "5f66e2b402f4d33b83179d102985bdb5",
        "7ebca3f6dd39844ea1bd9590dc3e9558", "034d099db4a1a73a3065cfdbf94a29b6",
        "b2d2ba6d6554c5bf095f3b8387e1a7ff", "4599e97a938d093a7c0fcaaf2d1a38c2",
        "d298c83332dfd9c923e20811f69a14e3", "78b38faad7a85337f77019d7e066ac60",
        "2204cf6d288f1218e3e9214f0257e44a", "770e7835f6d3598b94f20bd0967fca17",
        "8380a3b0be1200f87a529a27db45cc05", "2762b6d4114c10d3f182384130f97e95",
        "d43a03dddc13dd1a8f6669781516fc9d", "f3a957bde5cb27e64f4c6c50d6736097",
        "51d58c56f12a1d0b99416db50e66e878", "238c37a27c2d1f979219025981a89c35",
        "9777b7cecf982e74b5478dfdc4e44364", "c5042fc1d9420c889dc167cd0771609b",
        "186ed47452463de63a35043c8f556445", "28feb13884a767407168ffe9c441d7c1",
        "203807ec6bfdec5eb0626a2a253bba79", "5fea085aecacb0a1d210555819d57c2d",
        "a64be9a8dd2a701aefb3d3a8db6e156c", "c0ac489d18a5a1d9db0f7ac84c915a59",
        "da7a25bdbe85f502fb5f056272936199", "7a41f750f7d98cbee5dd4d4605f78118",
        "c1e2f8cf4145645c4d0cbc1d38a5a1fd", "020a76fe675b79bb508f5faa3692bf51",
        "205fde640898dc95bf896b02108a4003", "5558f0920ac5a35823121aaf5ac8e0dc",
        "1c8bdbc3ef980e7f7b334d3860968e1d", "0e9c819dcfb9cdcd9514fb1f6a7d2617",
        "d1de69ecb1e364a711dd8f6452078943", "7ec65c119a04020fb957c552fff85539",
        "871f6aa748a18e0c471fbcf6d1355cde", "750af4b615e72616d5c8be717ff636ce",
    ]
}
